package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	adsMethod = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
	eds       = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

// types are asked for in the order in which a proxy comes upon them.
var types = []string{
	"type.googleapis.com/envoy.config.listener.v3.Listener",
	"type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
	"type.googleapis.com/envoy.config.cluster.v3.Cluster",
	eds,
}

// stampMark begins the identity of an endpoint that says when it was written, in microseconds since 1970, 16 digits.
var stampMark = []byte("stamp-")

const stampDigits = 16

// streamsPlan is what the file says.
type streamsPlan struct {
	Address    string     `json:"address"`
	CaFile     string     `json:"caFile"`   // "" for clear text
	CertFile   string     `json:"certFile"` // "" for none
	KeyFile    string     `json:"keyFile"`
	ServerName string     `json:"serverName"`
	NodeIds    []string   `json:"nodeIds"`
	Tokens     []string   `json:"tokens"` // by stream; empty for none
	Names      [][]string `json:"names"`  // by stream
}

// fleet is all streams together.
type fleet struct {
	plan        streamsPlan
	open        atomic.Int64
	responses   atomic.Int64
	octets      atomic.Int64
	failures    atomic.Int64
	lastFailure atomic.Value

	mutex sync.Mutex
	// complete has, by stream, when it first had endpoints of all it wants, in ms since 1970; 0 for not yet.
	complete []float64
	// latencies are in ms, since the last "begin".
	latencies []float64
	begun     int64
	// oldest has, by service, the oldest of the last stamps that its streams have.
	last []map[string]int64
}

// streams keeps the streams of a plan open and answers:
//
//	state    how far they are
//	begin    forgets latencies; stamps from before do not count any more
//	report   latencies (ms, p50, p90, p99, max), and for each service the oldest stamp that a stream of it has as its newest
func streams(args []string) func(string) any {
	if len(args) != 1 {
		log.Fatal("usage: xds-peers streams FILE")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		log.Fatal(err)
	}
	f := &fleet{}
	if err := json.Unmarshal(text, &f.plan); err != nil {
		log.Fatal(err)
	}
	f.lastFailure.Store("")
	f.complete = make([]float64, len(f.plan.Names))
	f.last = make([]map[string]int64, len(f.plan.Names))
	options := f.dialOptions()
	for i := range f.plan.Names {
		f.last[i] = map[string]int64{}
		go f.keepOpen(i, options)
	}
	return f.answer
}

func (f *fleet) dialOptions() []grpc.DialOption {
	creds := insecure.NewCredentials()
	if f.plan.CaFile != "" {
		config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: f.plan.ServerName, MinVersion: tls.VersionTLS13}
		pem, err := os.ReadFile(f.plan.CaFile)
		if err != nil || !config.RootCAs.AppendCertsFromPEM(pem) {
			log.Fatalf("%s: no certificate: %v", f.plan.CaFile, err)
		}
		if f.plan.CertFile != "" {
			pair, err := tls.LoadX509KeyPair(f.plan.CertFile, f.plan.KeyFile)
			if err != nil {
				log.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		creds = credentials.NewTLS(config)
	}
	pause := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: time.Second}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pause, MinConnectTimeout: 20 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(octets{}), grpc.MaxCallRecvMsgSize(64<<20)),
		// The protocol's own windows, as the proxies have; windows that are given are not probed for with PINGs.
		grpc.WithInitialWindowSize(65_535), grpc.WithInitialConnWindowSize(65_535),
		grpc.WithReadBufferSize(16 << 10), grpc.WithWriteBufferSize(0),
	}
}

func (f *fleet) keepOpen(i int, options []grpc.DialOption) {
	connection, err := grpc.NewClient("passthrough:///"+f.plan.Address, options...)
	if err != nil {
		log.Fatal(err)
	}
	for {
		if err := f.run(i, connection); err != nil {
			f.failures.Add(1)
			f.lastFailure.Store(err.Error())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (f *fleet) run(i int, connection *grpc.ClientConn) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if len(f.plan.Tokens) > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+f.plan.Tokens[i])
	}
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, adsMethod, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	f.open.Add(1)
	defer f.open.Add(-1)
	for n, typeUrl := range types {
		request := []byte{}
		if n == 0 {
			request = appendMessage(request, 1, appendString(appendString(nil, 1, f.plan.NodeIds[i]), 6, "isobar"))
		}
		request = appendString(request, 2, typeUrl)
		for _, name := range f.plan.Names[i] {
			request = appendString(request, 3, name)
		}
		if err := stream.SendMsg(&request); err != nil {
			return err
		}
	}
	missing := map[string]bool{}
	for _, name := range f.plan.Names[i] {
		missing[name] = true
	}
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			return err
		}
		receivedMs := nowMs()
		typeUrl, nonce := f.read(i, message, missing, receivedMs)
		answer := appendString(appendString(nil, 2, typeUrl), 6, nonce)
		if err := stream.SendMsg(&answer); err != nil {
			return err
		}
		f.responses.Add(1)
		f.octets.Add(int64(len(message)))
	}
}

// take notes a resource of endpoints.
func (f *fleet) take(i int, name, resource []byte, missing map[string]bool, receivedMs float64) {
	stamp := stampOf(resource)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(missing) > 0 {
		delete(missing, string(name))
		if len(missing) == 0 {
			f.complete[i] = receivedMs
		}
	}
	last := f.last[i]
	if stamp == 0 || stamp <= last[string(name)] {
		return
	}
	last[string(name)] = stamp
	if f.begun != 0 && stamp >= f.begun {
		f.latencies = append(f.latencies, receivedMs-float64(stamp)/1000)
	}
}

func (f *fleet) answer(command string) any {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch command {
	case "begin":
		f.begun = time.Now().UnixMicro()
		f.latencies = nil
		return f.counts()
	case "report":
		counts := f.counts()
		slices.Sort(f.latencies)
		counts["latencies"] = len(f.latencies)
		for name, share := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1} {
			if len(f.latencies) > 0 {
				counts[name] = f.latencies[min(len(f.latencies)-1, int(share*float64(len(f.latencies))))]
			}
		}
		oldest := map[string]int64{}
		for i, names := range f.plan.Names {
			for _, name := range names {
				stamp := f.last[i][name]
				if known, found := oldest[name]; !found || stamp < known {
					oldest[name] = stamp
				}
			}
		}
		counts["oldest"] = oldest
		return counts
	default:
		return f.counts()
	}
}

func (f *fleet) counts() map[string]any {
	complete := slices.DeleteFunc(slices.Clone(f.complete), func(at float64) bool { return at == 0 })
	first, last := 0.0, 0.0
	if len(complete) > 0 {
		first, last = slices.Min(complete), slices.Max(complete)
	}
	return map[string]any{
		"open": f.open.Load(), "complete": len(complete), "firstCompleteMs": first, "lastCompleteMs": last,
		"responses": f.responses.Load(), "octets": f.octets.Load(),
		"failures": f.failures.Load(), "lastFailure": f.lastFailure.Load(),
	}
}

// read takes a DeltaDiscoveryResponse apart: its type and its nonce, and notes the endpoints in it.
func (f *fleet) read(i int, message []byte, missing map[string]bool, receivedMs float64) (typeUrl, nonce string) {
	fields(message, func(number protowire.Number, value []byte) {
		switch number {
		case 4:
			typeUrl = string(value)
		case 5:
			nonce = string(value)
		}
	})
	if typeUrl != eds {
		return typeUrl, nonce
	}
	fields(message, func(number protowire.Number, value []byte) {
		if number != 2 {
			return
		}
		var name []byte
		fields(value, func(number protowire.Number, text []byte) {
			if number == 3 {
				name = text
			}
		})
		f.take(i, name, value, missing, receivedMs)
	})
	return typeUrl, nonce
}

// fields calls for each field of a message that has a length.
func fields(message []byte, call func(protowire.Number, []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			log.Fatalf("a response that cannot be read: %v", protowire.ParseError(n))
		}
		message = message[n:]
		if kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(message)
			if n < 0 {
				log.Fatalf("a response that cannot be read: %v", protowire.ParseError(n))
			}
			call(number, value)
			message = message[n:]
		} else {
			n := protowire.ConsumeFieldValue(number, kind, message)
			if n < 0 {
				log.Fatalf("a response that cannot be read: %v", protowire.ParseError(n))
			}
			message = message[n:]
		}
	}
}

// stampOf finds the newest stamp of a resource, 0 if it has none.
func stampOf(resource []byte) int64 {
	newest := int64(0)
	for {
		at := bytes.Index(resource, stampMark)
		if at < 0 || at+len(stampMark)+stampDigits > len(resource) {
			return newest
		}
		resource = resource[at+len(stampMark):]
		if stamp, err := strconv.ParseInt(string(resource[:stampDigits]), 10, 64); err == nil {
			newest = max(newest, stamp)
		}
	}
}

func appendString(message []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(message, field, protowire.BytesType), text)
}

func appendMessage(message []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(message, field, protowire.BytesType), value)
}

func nowMs() float64 {
	return float64(time.Now().UnixMicro()) / 1000
}
