package main

// generatedFiles are the proto files whose messages are generated, besides what these need. A blank import brings each one's descriptor along.
import (
	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/common/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/maglev/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/pick_first/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/random/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

// keep lists the messages that are generated; ".*" means those nested in it as well. Of a kept message every field stays whose
// type is a scalar, a kept message, an enum, or one of protobuf's own; other fields are unknown to the generated code, which
// passes over them as any protobuf reader does.
var keep = []string{
	"google.rpc.Status",

	"envoy.service.discovery.v3.DiscoveryRequest",
	"envoy.service.discovery.v3.DiscoveryResponse",
	"envoy.service.discovery.v3.DeltaDiscoveryRequest.*",
	"envoy.service.discovery.v3.DeltaDiscoveryResponse",
	"envoy.service.discovery.v3.Resource",
	"envoy.service.load_stats.v3.LoadStatsRequest",
	"envoy.service.load_stats.v3.LoadStatsResponse",
	"envoy.config.endpoint.v3.ClusterStats.*",
	"envoy.config.endpoint.v3.UpstreamLocalityStats",
	"envoy.config.endpoint.v3.EndpointLoadMetricStats",
	"envoy.config.endpoint.v3.UnnamedEndpointLoadMetricStats",

	"envoy.config.core.v3.Node.*",
	"envoy.config.core.v3.ControlPlane",
	"envoy.config.core.v3.Locality",
	"envoy.config.core.v3.Metadata.*",
	"envoy.config.core.v3.Address",
	"envoy.config.core.v3.SocketAddress",
	"envoy.config.core.v3.Pipe",
	"envoy.config.core.v3.ConfigSource",
	"envoy.config.core.v3.AggregatedConfigSource",
	"envoy.config.core.v3.SelfConfigSource",
	"envoy.config.core.v3.TypedExtensionConfig",
	"envoy.config.core.v3.TransportSocket",
	"envoy.config.core.v3.HeaderValue",
	"envoy.config.core.v3.HeaderValueOption",
	"envoy.config.core.v3.RuntimeFractionalPercent",
	"envoy.config.core.v3.RuntimeDouble",
	"envoy.config.core.v3.RuntimeUInt32",
	"envoy.config.core.v3.RuntimePercent",
	"envoy.config.core.v3.HealthCheck",
	"envoy.config.core.v3.HealthCheck.HttpHealthCheck",
	"envoy.config.core.v3.HealthCheck.GrpcHealthCheck",
	"envoy.config.core.v3.HealthCheck.TcpHealthCheck",
	"envoy.config.core.v3.HealthCheck.Payload",
	"envoy.config.core.v3.HttpProtocolOptions",
	"envoy.config.core.v3.Http1ProtocolOptions",
	"envoy.config.core.v3.Http2ProtocolOptions",
	"envoy.config.core.v3.KeepaliveSettings",

	"envoy.config.cluster.v3.Cluster",
	"envoy.config.cluster.v3.Cluster.CustomClusterType",
	"envoy.config.cluster.v3.Cluster.EdsClusterConfig",
	"envoy.config.cluster.v3.Cluster.SlowStartConfig",
	"envoy.config.cluster.v3.Cluster.RoundRobinLbConfig",
	"envoy.config.cluster.v3.Cluster.LeastRequestLbConfig",
	"envoy.config.cluster.v3.Cluster.RingHashLbConfig",
	"envoy.config.cluster.v3.Cluster.MaglevLbConfig",
	"envoy.config.cluster.v3.Cluster.CommonLbConfig",
	"envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig",
	"envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig",
	"envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig",
	"envoy.config.cluster.v3.Cluster.TypedExtensionProtocolOptionsEntry",
	"envoy.config.cluster.v3.LoadBalancingPolicy.*",
	"envoy.config.cluster.v3.OutlierDetection",
	"envoy.config.cluster.v3.CircuitBreakers.*",

	"envoy.config.endpoint.v3.ClusterLoadAssignment",
	"envoy.config.endpoint.v3.ClusterLoadAssignment.Policy",
	"envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload",
	"envoy.config.endpoint.v3.LocalityLbEndpoints",
	"envoy.config.endpoint.v3.LbEndpoint",
	"envoy.config.endpoint.v3.Endpoint",
	"envoy.config.endpoint.v3.Endpoint.HealthCheckConfig",

	"envoy.config.listener.v3.Listener",
	"envoy.config.listener.v3.ApiListener",
	"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
	"envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
	"envoy.extensions.filters.network.http_connection_manager.v3.Rds",
	"envoy.extensions.filters.http.router.v3.Router",

	"envoy.config.route.v3.RouteConfiguration",
	"envoy.config.route.v3.VirtualHost",
	"envoy.config.route.v3.Route",
	"envoy.config.route.v3.RouteMatch",
	"envoy.config.route.v3.RouteAction",
	"envoy.config.route.v3.RouteAction.RequestMirrorPolicy",
	"envoy.config.route.v3.RouteAction.HashPolicy.*",
	"envoy.config.route.v3.RouteAction.MaxStreamDuration",
	"envoy.config.route.v3.WeightedCluster",
	"envoy.config.route.v3.WeightedCluster.ClusterWeight",
	"envoy.config.route.v3.RetryPolicy",
	"envoy.config.route.v3.RetryPolicy.RetryBackOff",
	"envoy.config.route.v3.HeaderMatcher",
	"envoy.config.route.v3.NonForwardingAction",
	"envoy.config.route.v3.RedirectAction",
	"envoy.config.route.v3.DirectResponseAction",
	"envoy.type.matcher.v3.StringMatcher",
	"envoy.type.matcher.v3.RegexMatcher",
	"envoy.type.v3.FractionalPercent",
	"envoy.type.v3.Percent",
	"envoy.type.v3.Int64Range",

	"envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
	"envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig",
	"envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.*",
	"envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig",
	"envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
	"envoy.extensions.load_balancing_policies.maglev.v3.Maglev",
	"envoy.extensions.load_balancing_policies.pick_first.v3.PickFirst",
	"envoy.extensions.load_balancing_policies.random.v3.Random",
	"envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash",
	"envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin",
	"envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality",
	"envoy.extensions.upstreams.http.v3.HttpProtocolOptions.*",
}
