package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	// The proxy takes 1,024 streams of a connection at a time.
	rounds       = 5
	callsOfRound = 1000
	later        = 500
)

// cancelMany starts many calls on one connection and cancels all of them at once, some times in a row; then it makes calls
// that must all succeed, on the same connection.
func cancelMany(address, name string) error {
	var dials atomic.Int64
	dial := func(ctx context.Context, target string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, "tcp", target)
	}
	connection, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(name),
		grpc.WithContextDialer(dial), grpc.WithDisableRetry())
	if err != nil {
		return err
	}
	defer connection.Close()
	call := func(ctx context.Context, message string) codes.Code {
		out := new(wrapperspb.BytesValue)
		in := &wrapperspb.BytesValue{Value: []byte(message)}
		return status.Code(connection.Invoke(ctx, "/echo.Echo/Unary", in, out))
	}
	patient, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	if code := call(patient, "first"); code != codes.OK {
		return fmt.Errorf("the first call ended with %v", code)
	}
	codesSeen := map[string]int{}
	for range rounds {
		cancelRound(patient, call, codesSeen)
	}
	failed := 0
	for range later {
		if call(patient, "later") != codes.OK {
			failed++
		}
	}
	fmt.Printf("{\"dials\":%d,\"cancelled\":%d,\"failed\":%d}\n", dials.Load(), codesSeen[codes.Canceled.String()], failed)
	return nil
}

func cancelRound(patient context.Context, call func(context.Context, string) codes.Code, codesSeen map[string]int) {
	ctx, cancel := context.WithCancel(patient)
	var lock sync.Mutex
	var done sync.WaitGroup
	for range callsOfRound {
		done.Go(func() {
			code := call(ctx, "Slow")
			lock.Lock()
			codesSeen[code.String()]++
			lock.Unlock()
		})
	}
	time.Sleep(100 * time.Millisecond)
	cancel()
	done.Wait()
}
