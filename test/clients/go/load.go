package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"isobar.test/clients/generated"
)

// unaryLoops and the streams below are the load of one client, the same in every language.
const (
	unaryLoops   = 4
	longReplies  = 150
	shortReplies = 10
	replyDelayMs = 20
	bidiPauseMs  = 100

	// So that what fails at once is not called without a pause.
	afterFailureMs = 50
)

type loadFailure struct {
	ID      string `json:"id"`
	Status  int    `json:"status"`
	Message string `json:"message"`
	// When it failed, milliseconds since 1970.
	At int64 `json:"at"`
}

type loadReport struct {
	mutex   sync.Mutex
	Unary   int           `json:"unary"`
	Streams int           `json:"streams"`
	Failed  []loadFailure `json:"failed"`
}

func (r *loadReport) done(count *int, id string, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	*count++
	if err != nil {
		s := status.Convert(err)
		r.Failed = append(r.Failed, loadFailure{id, int(s.Code()), s.Message(), time.Now().UnixMilli()})
	}
}

// load calls without a pause on one channel until standard input ends, and then prints one JSON line.
//
// With waitForReady calls wait while the channel has no connection, instead of failing. Each unary call takes delayMs at its server.
// Bidirectional streams are kept for bidiMs each, one after the other; 0: none.
func load(target, authority, name string, waitForReady bool, delayMs, bidiMs uint32) bool {
	channel, err := grpc.NewClient(target,
		grpc.WithAuthority(authority),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(waitForReady)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		return false
	}
	defer channel.Close()
	client := generated.NewEchoClient(channel)
	report := &loadReport{Failed: []loadFailure{}}
	stop := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	var loops sync.WaitGroup
	loop := func(kind string, count *int, call func(id string) error) {
		loops.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					id := fmt.Sprintf("%s-%s-%d", name, kind, n)
					err := call(id)
					report.done(count, id, err)
					if err != nil {
						time.Sleep(afterFailureMs * time.Millisecond)
					}
				}
			}
		})
	}
	for each := range unaryLoops {
		loop(fmt.Sprintf("unary%d", each), &report.Unary, func(id string) error {
			_, err := client.Unary(context.Background(),
				&generated.EchoRequest{Payload: pattern(100, 0), CallId: id, DelayMs: delayMs})
			return err
		})
	}
	loop("long", &report.Streams, func(id string) error { return readStream(client, id, longReplies) })
	loop("short", &report.Streams, func(id string) error { return readStream(client, id, shortReplies) })
	if bidiMs > 0 {
		lasts := time.Duration(bidiMs) * time.Millisecond
		loop("bidi", &report.Streams, func(id string) error { return keepTalking(client, id, lasts) })
	}
	loops.Wait()
	json.NewEncoder(os.Stdout).Encode(report)
	return true
}

func readStream(client generated.EchoClient, id string, replies uint32) error {
	stream, err := client.ServerStream(context.Background(),
		&generated.EchoRequest{Replies: replies, ReplySize: 100, DelayMs: replyDelayMs, CallId: id})
	for index := uint32(0); err == nil; index++ {
		var reply *generated.EchoReply
		reply, err = stream.Recv()
		if err == io.EOF && index == replies {
			return nil
		}
		if err == nil && reply.Index != index {
			return fmt.Errorf("reply %d came as number %d", reply.Index, index)
		}
	}
	return err
}

// keepTalking sends a message only when the reply to the one before has come.
func keepTalking(client generated.EchoClient, id string, lasts time.Duration) error {
	stream, err := client.Bidi(context.Background())
	if err != nil {
		return err
	}
	end := time.Now().Add(lasts)
	for index := uint32(0); time.Now().Before(end); index++ {
		// Where nobody takes it any more, the next reply is the status.
		stream.Send(&generated.EchoRequest{Payload: pattern(100, 0), CallId: id})
		reply, err := stream.Recv()
		if err != nil {
			return err
		}
		if reply.Index != index {
			return fmt.Errorf("reply %d came as number %d", reply.Index, index)
		}
		time.Sleep(bidiPauseMs * time.Millisecond)
	}
	stream.CloseSend()
	if _, err := stream.Recv(); err != nil {
		return fmt.Errorf("no reply after the half-close: %w", err)
	}
	if _, err := stream.Recv(); err != io.EOF {
		return fmt.Errorf("no end after the last reply: %w", err)
	}
	return nil
}
