// Command reporter is a gRPC server that reports the load it is told to report, with grpc-go's own helpers for ORCA: with each
// answer, and out of band.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/orca"
)

type server struct {
	healthpb.UnimplementedHealthServer
	id          string
	utilization float64
	qps         float64
	perCall     bool
}

// Check answers, says by whom in a header, and records the load for the report in the trailers.
func (s *server) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if err := grpc.SetHeader(ctx, metadata.Pairs("served-by", s.id)); err != nil {
		return nil, err
	}
	if recorder := orca.CallMetricsRecorderFromContext(ctx); s.perCall && recorder != nil {
		recorder.SetApplicationUtilization(s.utilization)
		recorder.SetQPS(s.qps)
		recorder.SetNamedMetric("queue", 3)
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

func main() {
	id := flag.String("id", "", "what the header served-by says")
	utilization := flag.Float64("utilization", 0.5, "application utilization to report")
	qps := flag.Float64("qps", 100, "requests per second to report")
	outOfBand := flag.Bool("out-of-band", false, "report out of band instead of with each call")
	flag.Parse()

	options := []grpc.ServerOption{}
	if !*outOfBand {
		options = append(options, orca.CallMetricsServerOption(nil))
	}
	s := grpc.NewServer(options...)
	healthpb.RegisterHealthServer(s, &server{id: *id, utilization: *utilization, qps: *qps, perCall: !*outOfBand})
	if *outOfBand {
		recorder := orca.NewServerMetricsRecorder()
		recorder.SetApplicationUtilization(*utilization)
		recorder.SetQPS(*qps)
		if err := orca.Register(s, orca.ServiceOptions{ServerMetricsProvider: recorder}); err != nil {
			log.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ready %s\n", listener.Addr())
	go func() {
		// Standard input ends with whoever started it.
		buffer := make([]byte, 1)
		for {
			if _, err := os.Stdin.Read(buffer); err != nil {
				s.Stop()
				return
			}
		}
	}()
	if err := s.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
