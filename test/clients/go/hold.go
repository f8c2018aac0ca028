package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"isobar.test/clients/generated"
)

// hold keeps many channels open and calls each once in a period, until standard input ends; then it prints what load prints.
// Of several targets and authorities, separated by commas, channels have them by turns.
//
// The channels' calls are spread over the period, so that they do not come all at once.
func hold(target, authority, name string, channels int, period time.Duration) bool {
	report := &loadReport{Failed: []loadFailure{}}
	stop := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	var loops sync.WaitGroup
	targets, authorities := strings.Split(target, ","), strings.Split(authority, ",")
	for index := range channels {
		channel, err := grpc.NewClient(targets[index%len(targets)],
			grpc.WithAuthority(authorities[index%len(authorities)]),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			fmt.Fprintln(os.Stderr, "echo:", err)
			return false
		}
		loops.Go(func() {
			defer channel.Close()
			client := generated.NewEchoClient(channel)
			wait := period * time.Duration(index) / time.Duration(channels)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(wait):
				}
				wait = period
				id := fmt.Sprintf("%s-hold%d-%d", name, index, n)
				_, err := client.Unary(context.Background(),
					&generated.EchoRequest{Payload: pattern(100, 0), CallId: id})
				report.done(&report.Unary, id, err)
			}
		})
	}
	loops.Wait()
	json.NewEncoder(os.Stdout).Encode(report)
	return true
}
