package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// contender is a proxy, and the name by which it knows the cluster.
type contender struct {
	Name      string `json:"name"`
	Target    string `json:"target"`
	Authority string `json:"authority"`
}

// plan is the first line of input.
type plan struct {
	Contenders []contender `json:"contenders"`
	// PerSecond is the rate of each contender, by chance as a Poisson process.
	PerSecond float64 `json:"perSecond"`
	// WarmSeconds come before the seconds that are reported.
	WarmSeconds float64 `json:"warmSeconds"`
	Seconds     float64 `json:"seconds"`
	DeadlineMs  int     `json:"deadlineMs"`
	Seed        uint64  `json:"seed"`
	// A request is FixedMs of work and an exponential share of ExponentialMs on average.
	FixedMs       float64 `json:"fixedMs"`
	ExponentialMs float64 `json:"exponentialMs"`
}

type request struct {
	at     time.Duration
	micros uint32
}

// outcome of requests in the order of their time, three arrays of the same length.
type outcome struct {
	Name string `json:"name"`
	// AtMs is when a request was due, from the beginning of what is reported.
	AtMs []float64 `json:"atMs"`
	// Ms is the latency from when it was due.
	Ms []float64 `json:"ms"`
	// Codes are gRPC's.
	Codes []int `json:"codes"`
	// Ports of the endpoints that answered, 0 for none.
	Ports []uint32 `json:"ports"`
}

// load reads a plan, plays it and prints "onset" when the part that is reported begins; in the end
// it prints one array of outcomes.
func load() error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var p plan
	if err := json.Unmarshal(line, &p); err != nil {
		return err
	}
	requests := p.requests()
	output := json.NewEncoder(os.Stdout)
	outcomes := make([]*outcome, len(p.Contenders))
	connections := make([]*grpc.ClientConn, len(p.Contenders))
	for i, each := range p.Contenders {
		connection, err := grpc.NewClient("passthrough:///"+each.Target,
			grpc.WithAuthority(each.Authority), grpc.WithNoProxy(),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer connection.Close()
		connections[i] = connection
		outcomes[i] = &outcome{
			Name:  each.Name,
			AtMs:  make([]float64, len(requests)),
			Ms:    make([]float64, len(requests)),
			Codes: make([]int, len(requests)),
			Ports: make([]uint32, len(requests)),
		}
	}
	var open sync.WaitGroup
	warm := time.Duration(p.WarmSeconds * float64(time.Second))
	// The contenders take turns within the mean time between two requests, so that they do not all ask at once.
	apart := time.Duration(float64(time.Second) / p.PerSecond / float64(len(p.Contenders)))
	begin := time.Now().Add(100 * time.Millisecond)
	for i, connection := range connections {
		open.Go(func() {
			play(connection, outcomes[i], requests, begin.Add(time.Duration(i)*apart), warm, p.DeadlineMs, &open)
		})
	}
	time.Sleep(time.Until(begin.Add(warm)))
	if err := output.Encode("onset"); err != nil {
		return err
	}
	open.Wait()
	if len(outcomes) == 0 {
		return errors.New("no contenders")
	}
	first := 0
	for first < len(requests) && requests[first].at < warm {
		first++
	}
	for _, each := range outcomes {
		each.AtMs, each.Ms, each.Codes, each.Ports = each.AtMs[first:], each.Ms[first:], each.Codes[first:], each.Ports[first:]
	}
	return output.Encode(outcomes)
}

func (p *plan) requests() []request {
	random := rand.New(rand.NewPCG(p.Seed, 1))
	var requests []request
	end := p.WarmSeconds + p.Seconds
	for at := random.ExpFloat64() / p.PerSecond; at < end; at += random.ExpFloat64() / p.PerSecond {
		ms := p.FixedMs + random.ExpFloat64()*p.ExponentialMs
		requests = append(requests, request{time.Duration(at * float64(time.Second)), uint32(ms * 1000)})
	}
	return requests
}

// play sends each request when it is due, whatever became of those before.
func play(
	connection *grpc.ClientConn, into *outcome, requests []request, begin time.Time, warm time.Duration, deadlineMs int,
	open *sync.WaitGroup,
) {
	for i, each := range requests {
		due := begin.Add(each.at)
		time.Sleep(time.Until(due))
		open.Go(func() {
			ctx, cancel := context.WithDeadline(context.Background(), due.Add(time.Duration(deadlineMs)*time.Millisecond))
			defer cancel()
			answer := new(wrapperspb.BytesValue)
			work := wrapperspb.Bytes(binary.BigEndian.AppendUint32(nil, each.micros))
			err := connection.Invoke(ctx, "/beside.Work/Do", work, answer)
			into.Ms[i] = float64(time.Since(due).Microseconds()) / 1000
			into.AtMs[i] = float64((each.at - warm).Microseconds()) / 1000
			into.Codes[i] = int(status.Code(err))
			if len(answer.Value) == 4 {
				into.Ports[i] = binary.BigEndian.Uint32(answer.Value)
			}
		})
	}
}
