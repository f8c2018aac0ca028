package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
)

// calls has, by the host at which calls came, when the first and the last one did, in ms since 1970, and how many there were.
type calls struct {
	mutex sync.Mutex
	hosts map[string]*hostCalls
}

type hostCalls struct {
	FirstMs float64 `json:"firstMs"`
	LastMs  float64 `json:"lastMs"`
	Count   int     `json:"count"`
}

func (c *calls) take(host string, atMs float64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	known := c.hosts[host]
	if known == nil {
		known = &hostCalls{FirstMs: atMs}
		c.hosts[host] = known
	}
	known.LastMs = atMs
	known.Count++
}

// backend answers every call of any method with the host at which it came and when, in ms since 1970, on all addresses of the machine. It prints its port, and answers:
//
//	calls    what came, by host
//	forget   the same, and forgets it
func backend(args []string) func(string) any {
	flags := flag.NewFlagSet("backend", flag.ExitOnError)
	maxAge := flags.Duration("max-age", 0, "after this time a connection is asked to leave; 0 for never")
	port := flags.String("port", "0", "where to listen")
	_ = flags.Parse(args)
	listener, err := net.Listen("tcp", "0.0.0.0:"+*port)
	if err != nil {
		log.Fatal(err)
	}
	c := &calls{hosts: map[string]*hostCalls{}}
	options := []grpc.ServerOption{
		grpc.ForceServerCodec(octets{}),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var message []byte
			if err := stream.RecvMsg(&message); err != nil {
				return err
			}
			host, atMs := localHost(stream.Context()), nowMs()
			c.take(host, atMs)
			answer := fmt.Appendf(nil, "%s %.3f", host, atMs)
			return stream.SendMsg(&answer)
		}),
	}
	if *maxAge > 0 {
		options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: *maxAge, MaxConnectionAgeGrace: time.Minute}))
	}
	server := grpc.NewServer(options...)
	go func() { log.Fatal(server.Serve(listener)) }()
	say(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})
	return func(command string) any {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		hosts := map[string]hostCalls{}
		for host, known := range c.hosts {
			hosts[host] = *known
		}
		if command == "forget" {
			c.hosts = map[string]*hostCalls{}
		}
		return map[string]any{"hosts": hosts}
	}
}

func localHost(ctx context.Context) string {
	from, ok := peer.FromContext(ctx)
	if !ok || from.LocalAddr == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(from.LocalAddr.String())
	if err != nil {
		return ""
	}
	return host
}
