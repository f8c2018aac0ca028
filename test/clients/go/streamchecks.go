package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"isobar.test/clients/generated"
)

func serverStreamOf(replies, size int) func(context.Context, generated.EchoClient) (string, error) {
	return func(ctx context.Context, client generated.EchoClient) (string, error) {
		request := &generated.EchoRequest{Replies: uint32(replies), ReplySize: uint32(size)}
		stream, err := client.ServerStream(ctx, request)
		if err != nil {
			return "", err
		}
		for index := range replies {
			reply, err := stream.Recv()
			if err != nil {
				return "", fmt.Errorf("reply %d: %w", index, err)
			}
			if int(reply.Index) != index || !bytes.Equal(reply.Payload, pattern(size, index)) {
				return "", fmt.Errorf("reply %d came changed: index %d, %d octets", index, reply.Index, len(reply.Payload))
			}
		}
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("no end after %d replies: %v", replies, err)
		}
		return fmt.Sprintf("%d x %d octets", replies, size), nil
	}
}

func clientStream(ctx context.Context, client generated.EchoClient) (string, error) {
	const messages, size = 15, 1_000_000
	stream, err := client.ClientStream(ctx)
	if err != nil {
		return "", err
	}
	sum := uint32(0)
	for index := range messages {
		payload := pattern(size, index)
		sum = crc32.Update(sum, crc32.IEEETable, payload)
		if err := stream.Send(&generated.EchoRequest{Payload: payload}); err != nil {
			_, closeErr := stream.CloseAndRecv()
			return "", fmt.Errorf("message %d: %w (%w)", index, err, closeErr)
		}
	}
	reply, err := stream.CloseAndRecv()
	if err != nil {
		return "", err
	}
	if reply.Received != messages*size || reply.Crc32 != sum {
		return "", fmt.Errorf("server got %d octets, CRC %08x, want CRC %08x", reply.Received, reply.Crc32, sum)
	}
	return fmt.Sprintf("%d octets", reply.Received), nil
}

// pingPong sends a message only when the reply to the one before has come, so
// it hangs when anything on the way holds messages back.
func pingPong(ctx context.Context, client generated.EchoClient) (string, error) {
	sizes := []int{0, 100, 5_000, 71_680}
	stream, err := client.Bidi(ctx)
	if err != nil {
		return "", err
	}
	sent := 0
	for index := range 100 {
		payload := pattern(sizes[index%len(sizes)], index)
		sent += len(payload)
		if err := stream.Send(&generated.EchoRequest{Payload: payload}); err != nil {
			return "", fmt.Errorf("message %d: %w", index, err)
		}
		reply, err := stream.Recv()
		if err != nil {
			return "", fmt.Errorf("reply %d: %w", index, err)
		}
		if int(reply.Index) != index || !bytes.Equal(reply.Payload, payload) {
			return "", fmt.Errorf("reply %d came changed: index %d, %d octets", index, reply.Index, len(reply.Payload))
		}
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	last, err := stream.Recv()
	if err != nil {
		return "", fmt.Errorf("reply after the half-close: %w", err)
	}
	if int(last.Received) != sent {
		return "", fmt.Errorf("server got %d octets of %d", last.Received, sent)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("no end after the half-close: %v", err)
	}
	return fmt.Sprintf("100 messages, %d octets", sent), nil
}
