package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// workers is how many requests a backend works on at a time; others queue.
const workers = 8

// condition is how a backend does its work. A line of input has one, and the backends it is for.
type condition struct {
	Backends []int `json:"backends"`
	// Mode is well, slow, fail-fast, fail-late, hang or warming.
	Mode string `json:"mode"`
	// Factor is what each request's work is multiplied by: slow, or warming at the beginning.
	Factor float64 `json:"factor"`
	// Share of the requests that fail.
	Share float64 `json:"share"`
	// DecayMs is the time constant by which a warming backend's factor falls to 1; or DecayRequests, where only work warms it.
	DecayMs       float64 `json:"decayMs"`
	DecayRequests float64 `json:"decayRequests"`

	since  time.Time
	served atomic.Int64
}

// backend answers each call with its number, after as many microseconds of work as the request asks for.
type backend struct {
	number    uint32
	condition atomic.Pointer[condition]
	slots     chan struct{}
}

func (b *backend) call(stream grpc.ServerStream) error {
	in := new(wrapperspb.BytesValue)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	is := b.condition.Load()
	answer := wrapperspb.Bytes(binary.BigEndian.AppendUint32(nil, b.number))
	switch is.Mode {
	case "hang":
		<-stream.Context().Done()
		return stream.Context().Err()
	case "fail-fast":
		if rand.Float64() < is.Share {
			return status.Error(codes.Unavailable, "sick")
		}
	case "fail-late":
		if rand.Float64() < is.Share {
			if err := stream.SendMsg(answer); err != nil {
				return err
			}
			return status.Error(codes.Unavailable, "sick")
		}
	}
	select {
	case b.slots <- struct{}{}:
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
	micros := float64(binary.BigEndian.Uint32(in.Value)) * is.factorNow()
	time.Sleep(time.Duration(micros) * time.Microsecond)
	<-b.slots
	return stream.SendMsg(answer)
}

func (c *condition) factorNow() float64 {
	switch c.Mode {
	case "slow":
		return c.Factor
	case "warming":
		age := float64(time.Since(c.since).Milliseconds()) / c.DecayMs
		if c.DecayRequests > 0 {
			age = float64(c.served.Add(1)) / c.DecayRequests
		}
		return 1 + (c.Factor-1)*math.Exp(-age)
	}
	return 1
}

// service has one method. On the wire it is a unary one; as a stream its handler can answer and then fail.
var service = grpc.ServiceDesc{
	ServiceName: "beside.Work",
	HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{{
		StreamName:    "Do",
		ServerStreams: true,
		Handler:       func(server any, stream grpc.ServerStream) error { return server.(*backend).call(stream) },
	}},
}

// serveBackends listens on free ports of host, prints them as one JSON array, and takes conditions until its input ends.
func serveBackends(host, countText string) error {
	count, err := strconv.Atoi(countText)
	if err != nil {
		return err
	}
	backends := make([]*backend, count)
	ports := make([]int, count)
	for i := range backends {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return err
		}
		ports[i] = listener.Addr().(*net.TCPAddr).Port
		backends[i] = &backend{number: uint32(ports[i]), slots: make(chan struct{}, workers)}
		backends[i].condition.Store(&condition{Mode: "well"})
		server := grpc.NewServer()
		server.RegisterService(&service, backends[i])
		go server.Serve(listener)
	}
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var which condition
		if err := json.Unmarshal(lines.Bytes(), &which); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		for _, each := range which.Backends {
			// Each warms up by its own work.
			next := &condition{since: time.Now()}
			if err := json.Unmarshal(lines.Bytes(), next); err != nil {
				return err
			}
			backends[each].condition.Store(next)
		}
	}
	return lines.Err()
}
