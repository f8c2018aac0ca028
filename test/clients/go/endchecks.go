package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"isobar.test/clients/generated"
)

// noticeLimit is how long after the client gave up a server may still work on a call.
const noticeLimit = time.Second

func deadline(ctx context.Context, client generated.EchoClient) (string, error) {
	const limit = 400 * time.Millisecond
	request := &generated.EchoRequest{DelayMs: 8_000, CallId: rand.Text()}
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begin := time.Now()
	_, err := client.Unary(short, request)
	ended := time.Now()
	// tonic's servers end such a call too, as CANCELLED, and may be first to be heard.
	byTonic := status.Code(err) == codes.Canceled && status.Convert(err).Message() == "Timeout expired"
	if status.Code(err) != codes.DeadlineExceeded && !byTonic {
		return "", fmt.Errorf("got %v, want DEADLINE_EXCEEDED", err)
	}
	if ended.Sub(begin) > limit+noticeLimit {
		return "", fmt.Errorf("ended after %v, deadline was %v", ended.Sub(begin), limit)
	}
	seen, err := cancelSeen(ctx, client, request.CallId, ended)
	if err != nil {
		return "", err
	}
	if seen.DeadlineMs < 0 || seen.DeadlineMs > limit.Milliseconds() {
		return "", fmt.Errorf("server saw a deadline of %d ms, sent %v", seen.DeadlineMs, limit)
	}
	return fmt.Sprintf("server saw %d ms", seen.DeadlineMs), nil
}

func cancelMidStream(ctx context.Context, client generated.EchoClient) (string, error) {
	request := &generated.EchoRequest{Replies: 1_000_000, ReplySize: 10, DelayMs: 10, CallId: rand.Text()}
	streamCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.ServerStream(streamCtx, request)
	if err != nil {
		return "", err
	}
	for range 3 {
		if _, err := stream.Recv(); err != nil {
			return "", err
		}
	}
	cancel()
	ended := time.Now()
	for err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Canceled {
		return "", fmt.Errorf("got %v, want CANCELLED", err)
	}
	seen, err := cancelSeen(ctx, client, request.CallId, ended)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s saw it after %d ms", seen.Backend, seen.CancelledUnixMs-ended.UnixMilli()), nil
}

// cancelSeen asks until the backend that served the call, whichever it is,
// answers that it saw the call cancelled.
func cancelSeen(ctx context.Context, client generated.EchoClient, id string, since time.Time) (*generated.StatsReply, error) {
	for time.Since(since) < 6*noticeLimit {
		reply, err := client.Stats(ctx, &generated.StatsRequest{CallId: id})
		if err != nil {
			return nil, err
		}
		if reply.Cancelled {
			if late := reply.CancelledUnixMs - since.UnixMilli(); late > noticeLimit.Milliseconds() {
				return nil, fmt.Errorf("%s noticed the cancel after %d ms", reply.Backend, late)
			}
			return reply, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, fmt.Errorf("no backend noticed the cancel within %v", 6*noticeLimit)
}

// spread counts which backends serve 300 calls made on the one channel.
func spread(ctx context.Context, client generated.EchoClient) (map[string]int, error) {
	counts := map[string]int{}
	for range 300 {
		reply, err := client.Unary(ctx, &generated.EchoRequest{Payload: pattern(100, 0)})
		if err != nil {
			return counts, err
		}
		counts[reply.Backend]++
	}
	return counts, nil
}
