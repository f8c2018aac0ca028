package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"isobar.test/clients/generated"
)

// checkLimit bounds each check; a check that hangs fails with DEADLINE_EXCEEDED.
const checkLimit = 30 * time.Second

type check struct {
	name string
	run  func(context.Context, generated.EchoClient) (string, error)
}

type result struct {
	Check  string `json:"check"`
	Ok     bool   `json:"ok"`
	Detail string `json:"detail"`
	// Replies per backend, from the check "spread" alone.
	Counts map[string]int `json:"counts,omitempty"`
}

// call runs the checks on one channel and prints one JSON line for each.
func call(target, authority, only string) bool {
	channel, err := grpc.NewClient(target,
		grpc.WithAuthority(authority),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		return false
	}
	defer channel.Close()
	client := generated.NewEchoClient(channel)
	output := json.NewEncoder(os.Stdout)
	allOk := true
	for _, c := range allChecks {
		if only != "" && !strings.Contains(","+only+",", ","+c.name+",") {
			continue
		}
		r := result{Check: c.name}
		ctx, cancel := context.WithTimeout(context.Background(), checkLimit)
		if c.name == "spread" {
			r.Counts, err = spread(ctx, client)
		} else {
			r.Detail, err = c.run(ctx, client)
		}
		cancel()
		if err != nil {
			r.Detail = err.Error()
		}
		r.Ok = err == nil
		allOk = allOk && r.Ok
		output.Encode(r)
	}
	return allOk
}

// pattern makes octets that show loss, repetition and misplacement: its
// period divides neither frame sizes nor buffer sizes.
func pattern(size, seed int) []byte {
	octets := make([]byte, size)
	for i := range octets {
		octets[i] = byte((i + seed) % 251)
	}
	return octets
}
