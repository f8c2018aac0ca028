package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"isobar.test/clients/generated"
)

// hardMessage needs percent-encoding for most of its characters.
const hardMessage = "fail: 100 % naïve \"ünïcode\" ✓ 🚀\nnext\tline"

var allChecks = []check{
	{"unary-0", unaryOf(0)},
	{"unary-100", unaryOf(100)},
	{"unary-70k", unaryOf(71_680)},
	{"unary-1m", unaryOf(1_048_576)},
	{"metadata", metadataEcho},
	{"error-trailers-only", errorTrailersOnly},
	{"error-after-messages", errorAfterMessages},
	{"error-codes", errorCodes},
	{"server-stream-small", serverStreamOf(500, 10)},
	{"server-stream-large", serverStreamOf(20, 1_000_000)},
	{"client-stream-15mb", clientStream},
	{"bidi-ping-pong", pingPong},
	{"deadline", deadline},
	{"cancel", cancelMidStream},
	{"spread", nil},
}

func unaryOf(size int) func(context.Context, generated.EchoClient) (string, error) {
	return func(ctx context.Context, client generated.EchoClient) (string, error) {
		payload := pattern(size, size)
		reply, err := client.Unary(ctx, &generated.EchoRequest{Payload: payload})
		if err != nil {
			return "", err
		}
		if !bytes.Equal(reply.Payload, payload) {
			return "", fmt.Errorf("%d octets came back changed (%d)", size, len(reply.Payload))
		}
		return fmt.Sprintf("%d octets by %s", size, reply.Backend), nil
	}
}

func metadataEcho(ctx context.Context, client generated.EchoClient) (string, error) {
	sent := metadata.Pairs(
		"x-text", "plain text, with = and ; and spaces",
		"x-many", "first",
		"x-many", "second",
		"x-long", strings.Repeat("0123456789abcdef", 192),
		"x-octets-bin", string(allOctets()),
		"x-empty-bin", "",
	)
	var headers, trailers metadata.MD
	_, err := client.Unary(metadata.NewOutgoingContext(ctx, sent), &generated.EchoRequest{},
		grpc.Header(&headers), grpc.Trailer(&trailers))
	if err != nil {
		return "", err
	}
	return "headers and trailers", sameMetadata(sent, headers, trailers)
}

func sameMetadata(sent, headers, trailers metadata.MD) error {
	for key, values := range sent {
		if got := headers["h-"+key]; !slices.Equal(got, values) {
			return fmt.Errorf("header h-%s: got %q, want %q", key, got, values)
		}
		if got := trailers["t-"+key]; !slices.Equal(got, values) {
			return fmt.Errorf("trailer t-%s: got %q, want %q", key, got, values)
		}
	}
	return nil
}

func allOctets() []byte {
	octets := make([]byte, 256)
	for i := range octets {
		octets[i] = byte(i)
	}
	return octets
}

func errorTrailersOnly(ctx context.Context, client generated.EchoClient) (string, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "x-why-bin", "\x00\xff")
	var trailers metadata.MD
	_, err := client.Unary(ctx, &generated.EchoRequest{Status: 9, Message: hardMessage}, grpc.Trailer(&trailers))
	if got := trailers["t-x-why-bin"]; !slices.Equal(got, []string{"\x00\xff"}) {
		return "", fmt.Errorf("trailer t-x-why-bin: got %q", got)
	}
	return "FAILED_PRECONDITION", wantStatus(err, codes.FailedPrecondition, hardMessage)
}

func errorAfterMessages(ctx context.Context, client generated.EchoClient) (string, error) {
	request := &generated.EchoRequest{Replies: 3, ReplySize: 10, Status: 8, Message: hardMessage}
	stream, err := client.ServerStream(ctx, request)
	if err != nil {
		return "", err
	}
	for range 3 {
		if _, err := stream.Recv(); err != nil {
			return "", err
		}
	}
	_, err = stream.Recv()
	return "RESOURCE_EXHAUSTED after 3 messages", wantStatus(err, codes.ResourceExhausted, hardMessage)
}

func errorCodes(ctx context.Context, client generated.EchoClient) (string, error) {
	for code := int32(1); code <= 16; code++ {
		message := fmt.Sprintf("code %d", code)
		_, err := client.Unary(ctx, &generated.EchoRequest{Status: code, Message: message})
		if err := wantStatus(err, codes.Code(code), message); err != nil {
			return "", err
		}
	}
	return "1 to 16", nil
}

func wantStatus(err error, code codes.Code, message string) error {
	got := status.Convert(err)
	if got.Code() != code || got.Message() != message {
		return fmt.Errorf("got status %d %q, want %d %q", got.Code(), got.Message(), code, message)
	}
	return nil
}
