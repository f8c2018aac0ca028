package main

import (
	"context"
	"flag"
	"log"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// caller calls a target at a constant rate, picking by round robin among what its resolver finds. It answers every command with its counts.
func caller(args []string) func(string) any {
	flags := flag.NewFlagSet("caller", flag.ExitOnError)
	target := flags.String("target", "", "as grpc-go writes it, such as dns://127.0.0.1:53/name:port")
	authority := flags.String("authority", "", "of the calls; default: the target's")
	rate := flags.Int("rate", 200, "calls per second")
	_ = flags.Parse(args)
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(octets{})),
	}
	if *authority != "" {
		options = append(options, grpc.WithAuthority(*authority))
	}
	connection, err := grpc.NewClient(*target, options...)
	if err != nil {
		log.Fatal(err)
	}
	var succeeded, failed atomic.Int64
	var lastFailure atomic.Value
	lastFailure.Store("")
	call := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		request, answer := []byte{}, []byte{}
		if err := connection.Invoke(ctx, "/bench.Name/Name", &request, &answer, grpc.WaitForReady(true)); err != nil {
			failed.Add(1)
			lastFailure.Store(err.Error())
			return
		}
		succeeded.Add(1)
	}
	go func() {
		for range time.Tick(time.Second / time.Duration(*rate)) {
			go call()
		}
	}()
	return func(string) any {
		return map[string]any{"succeeded": succeeded.Load(), "failed": failed.Load(), "lastFailure": lastFailure.Load()}
	}
}
