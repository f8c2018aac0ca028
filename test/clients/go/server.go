package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"isobar.test/clients/generated"
)

// echoServer implements the Echo service; see echo.proto for its contract.
type echoServer struct {
	generated.UnimplementedEchoServer
	name  string
	calls callLog
}

// mutualTLS makes credentials of the files "CERT,KEY,CA"; clients need a certificate from CA.
func mutualTLS(files string) (credentials.TransportCredentials, error) {
	parts := strings.Split(files, ",")
	if len(parts) != 3 {
		return nil, fmt.Errorf("--tls: found %q, wanted CERT,KEY,CA", files)
	}
	own, err := tls.LoadX509KeyPair(parts[0], parts[1])
	if err != nil {
		return nil, err
	}
	authorities, err := os.ReadFile(parts[2])
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("%s: no certificate", parts[2])
	}
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
	}), nil
}

// serve serves until SIGTERM, then lets calls finish as grpc-go's graceful stop does. SIGUSR1 makes its health service say
// that it is not serving, SIGUSR2 that it is.
func serve(host string, port int, name, journal, certificates string) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		return err
	}
	var options []grpc.ServerOption
	if certificates != "" {
		secure, err := mutualTLS(certificates)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(secure))
	}
	server := grpc.NewServer(options...)
	echo := &echoServer{name: name}
	if journal != "" {
		if echo.calls.journal, err = os.OpenFile(journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
			return err
		}
	}
	generated.RegisterEchoServer(server, echo)
	checks := health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, checks)
	sick := make(chan os.Signal, 1)
	signal.Notify(sick, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for each := range sick {
			if each == syscall.SIGUSR1 {
				checks.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
			} else {
				checks.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
			}
		}
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	finished := make(chan struct{})
	go func() {
		<-stop
		server.GracefulStop()
		close(finished)
	}()
	fmt.Printf("ready %s\n", listener.Addr())
	if err := server.Serve(listener); err != nil {
		return err
	}
	<-finished
	return nil
}

func (s *echoServer) Unary(ctx context.Context, request *generated.EchoRequest) (*generated.EchoReply, error) {
	defer s.calls.begin(ctx, request.CallId)()
	headers, trailers := echoMetadata(ctx)
	grpc.SetTrailer(ctx, trailers)
	if err := pause(ctx, request); err != nil {
		return nil, err
	}
	if err := failure(request); err != nil {
		return nil, err
	}
	grpc.SetHeader(ctx, headers)
	return s.reply(request, 0), nil
}

func (s *echoServer) ServerStream(request *generated.EchoRequest, stream generated.Echo_ServerStreamServer) error {
	ctx := stream.Context()
	defer s.calls.begin(ctx, request.CallId)()
	headers, trailers := echoMetadata(ctx)
	stream.SetHeader(headers)
	stream.SetTrailer(trailers)
	for index := range request.Replies {
		if err := pause(ctx, request); err != nil {
			return err
		}
		if err := stream.Send(s.reply(request, index)); err != nil {
			return err
		}
	}
	return failure(request)
}

func (s *echoServer) ClientStream(stream generated.Echo_ClientStreamServer) error {
	reply := &generated.EchoReply{Backend: s.name}
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(reply)
		}
		if err != nil {
			return err
		}
		reply.Received += uint64(len(request.Payload))
		reply.Crc32 = crc32.Update(reply.Crc32, crc32.IEEETable, request.Payload)
		if err := failure(request); err != nil {
			return err
		}
	}
}

func (s *echoServer) Bidi(stream generated.Echo_BidiServer) error {
	last := &generated.EchoReply{Backend: s.name}
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.Send(last)
		}
		if err != nil {
			return err
		}
		last.Received += uint64(len(request.Payload))
		if err := stream.Send(s.reply(request, last.Index)); err != nil {
			return err
		}
		last.Index++
		if err := failure(request); err != nil {
			return err
		}
	}
}

func (s *echoServer) Stats(_ context.Context, request *generated.StatsRequest) (*generated.StatsReply, error) {
	reply := s.calls.stats(request.CallId)
	reply.Backend = s.name
	return reply, nil
}

func (s *echoServer) reply(request *generated.EchoRequest, index uint32) *generated.EchoReply {
	payload := request.Payload
	if request.ReplySize > 0 {
		payload = pattern(int(request.ReplySize), int(index))
	}
	return &generated.EchoReply{Payload: payload, Backend: s.name, Index: index}
}

// pause waits as long as the request asks, or until the call is cancelled.
func pause(ctx context.Context, request *generated.EchoRequest) error {
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-time.After(time.Duration(request.DelayMs) * time.Millisecond):
		return nil
	}
}

func failure(request *generated.EchoRequest) error {
	if request.Status == 0 {
		return nil
	}
	return status.Error(codes.Code(request.Status), request.Message)
}

func echoMetadata(ctx context.Context) (headers, trailers metadata.MD) {
	headers, trailers = metadata.MD{}, metadata.MD{}
	received, _ := metadata.FromIncomingContext(ctx)
	for key, values := range received {
		if len(key) > 2 && key[:2] == "x-" {
			headers["h-"+key] = values
			trailers["t-"+key] = values
		}
	}
	return headers, trailers
}
