package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const maxHeaderListOctets = 8 << 10

type echoServer interface {
	unary(context.Context, *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
}

// echo answers with what it got; a message that begins with 'S' takes a second, so that it can be cancelled.
type echo struct{}

func (echo) unary(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	if len(in.Value) > 0 && in.Value[0] == 'S' {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return in, nil
}

func unaryHandler(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.BytesValue)
	if err := decode(in); err != nil {
		return nil, err
	}
	return server.(echoServer).unary(ctx, in)
}

var service = grpc.ServiceDesc{
	ServiceName: "echo.Echo",
	HandlerType: (*echoServer)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unaryHandler}},
}

// connections counts those that came and those that ended.
type connections struct{ begun, ended atomic.Int64 }

func (*connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*connections) HandleRPC(context.Context, stats.RPCStats)                         {}
func (*connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *connections) HandleConn(_ context.Context, event stats.ConnStats) {
	switch event.(type) {
	case *stats.ConnBegin:
		c.begun.Add(1)
	case *stats.ConnEnd:
		c.ended.Add(1)
	}
}

func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	seen := new(connections)
	server := grpc.NewServer(grpc.MaxHeaderListSize(maxHeaderListOctets), grpc.StatsHandler(seen))
	server.RegisterService(&service, echo{})
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		// Each line asks for the counts.
		buffer := make([]byte, 64)
		for {
			if _, err := os.Stdin.Read(buffer); err == io.EOF || err != nil {
				os.Exit(0)
			}
			fmt.Printf("{\"begun\":%d,\"ended\":%d}\n", seen.begun.Load(), seen.ended.Load())
		}
	}()
	return server.Serve(listener)
}
