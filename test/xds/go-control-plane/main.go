// A control plane of the go-control-plane library: what it serves is told by lines of JSON on standard input, and what clients
// say is told by lines on standard output.
//
//	{"put":"cluster","resource":{…protojson…}}
//	{"delete":"cluster","name":"echo"}
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	serverv3 "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type kind struct {
	typeURL string
	empty   func() proto.Message
}

var kinds = map[string]kind{
	"listener":           {resourcev3.ListenerType, func() proto.Message { return &listenerv3.Listener{} }},
	"routeConfiguration": {resourcev3.RouteType, func() proto.Message { return &routev3.RouteConfiguration{} }},
	"cluster":            {resourcev3.ClusterType, func() proto.Message { return &clusterv3.Cluster{} }},
	"loadAssignment":     {resourcev3.EndpointType, func() proto.Message { return &endpointv3.ClusterLoadAssignment{} }},
}

type line struct {
	Put      string          `json:"put"`
	Resource json.RawMessage `json:"resource"`
	Delete   string          `json:"delete"`
	Name     string          `json:"name"`
}

// callbacks tells what clients say, one line each.
type callbacks struct {
	serverv3.CallbackFuncs
	mutex sync.Mutex
}

func (c *callbacks) say(format string, values ...any) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	fmt.Printf(format+"\n", values...)
}

func (c *callbacks) OnDeltaStreamOpen(_ context.Context, id int64, _ string) error {
	c.say("open %d", id)
	return nil
}

func (c *callbacks) OnDeltaStreamClosed(id int64, _ *corev3.Node) { c.say("closed %d", id) }

func (c *callbacks) OnStreamDeltaRequest(_ int64, request *discoveryv3.DeltaDiscoveryRequest) error {
	record := map[string]any{"type": request.GetTypeUrl()}
	if names := request.GetResourceNamesSubscribe(); len(names) > 0 {
		record["subscribe"] = names
	}
	if names := request.GetResourceNamesUnsubscribe(); len(names) > 0 {
		record["unsubscribe"] = names
	}
	if versions := request.GetInitialResourceVersions(); len(versions) > 0 {
		record["versions"] = versions
	}
	if request.GetResponseNonce() != "" {
		record["nonce"] = request.GetResponseNonce()
	}
	if node := request.GetNode(); node != nil {
		record["node"] = node.GetId() + " " + node.GetUserAgentName() + " " + node.GetLocality().GetZone()
	}
	if detail := request.GetErrorDetail(); detail != nil {
		record["error"] = detail.GetMessage()
	}
	text, _ := json.Marshal(record)
	c.say("request %s", text)
	return nil
}

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	flag.Parse()
	caches := map[string]cachev3.Cache{}
	linear := map[string]*cachev3.LinearCache{}
	for _, each := range kinds {
		linear[each.typeURL] = cachev3.NewLinearCache(each.typeURL)
		caches[each.typeURL] = linear[each.typeURL]
	}
	mux := &cachev3.MuxCache{
		Classify:      func(request *cachev3.Request) string { return request.GetTypeUrl() },
		ClassifyDelta: func(request *cachev3.DeltaRequest) string { return request.GetTypeUrl() },
		Caches:        caches,
	}
	spoken := &callbacks{}
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, serverv3.NewServer(context.Background(), mux, spoken))
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		if err := server.Serve(listener); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	spoken.say("ready %s", listener.Addr())
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		if err := apply(linear, scanner.Bytes()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		spoken.say("done")
	}
}

func apply(caches map[string]*cachev3.LinearCache, text []byte) error {
	var told line
	if err := json.Unmarshal(text, &told); err != nil {
		return err
	}
	if told.Delete != "" {
		return caches[kinds[told.Delete].typeURL].DeleteResource(told.Name)
	}
	each := kinds[told.Put]
	resource := each.empty()
	if err := protojson.Unmarshal(told.Resource, resource); err != nil {
		return fmt.Errorf("%s: %w", told.Put, err)
	}
	return caches[each.typeURL].UpdateResource(cachev3.GetResourceName(resource.(types.Resource)), resource.(types.Resource))
}
