import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { TransportDuplex } from "../net/transport-duplex.ts";
import type { ClusterRuntime } from "../proxy/cluster-runtime.ts";
import type { EndpointLease } from "../proxy/port/endpoint-lease.ts";
import { routeOfHost } from "../proxy/port/first-octets.ts";
import type { Http1Arrival, Http1Handler, Http1Services } from "../proxy/port/http1-handler.ts";
import type { RouteChoice } from "../proxy/routes/request-routes.ts";
import { NO_ROUTE } from "../route/authority-table.ts";
import { HostIndex } from "../route/host-index.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { codeClassCell } from "../telemetry/code-class.ts";
import { ResponseFlag } from "../telemetry/response-flag.ts";
import { Way, wayOf } from "./cluster-protocol.ts";
import { EndpointAgent } from "./endpoint-agent.ts";
import type { EndpointTlsLookup } from "./endpoint-connector.ts";
import { EndpointConnector } from "./endpoint-connector.ts";
import type { EndpointProtocols } from "./endpoint-protocols.ts";
import type { Http1Upstream } from "./forward-http1.ts";
import { forwardHttp1, noEndpoint, upstreamFault } from "./forward-http1.ts";
import { forwardHttp2, PLAIN_HTTP } from "./forward-http2.ts";
import { forwardUpgrade } from "./forward-upgrade.ts";
import { grpcWebDialect } from "./grpc-web.ts";
import { grpcWebMediaType } from "./grpc-web-media-type.ts";
import { Http1Connection } from "./http1-connection.ts";
import type { Http1Fault } from "./http1-fault.ts";
import { clientFault } from "./http1-fault.ts";
import type { Http1Limits } from "./http1-limits.ts";
import { HTTP1_LIMITS } from "./http1-limits.ts";
import { InnerChannel } from "./inner-channel.ts";
import { RequestExchange } from "./request-exchange.ts";
import type { RequestHead } from "./request-head.ts";
import { fieldValue } from "./request-head.ts";

const TOO_MANY: Http1Fault = {
  status: 503,
  text: "this proxy has all the HTTP/1.1 connections it may have",
  flag: ResponseFlag.overloadManager,
};
const DISAGREEMENT = clientFault(400, "the request can be understood in more than one way");

/** HTTP/1.1 at L7, with Node's parser behind {@link Http1Connection}'s gate. One for each worker. */
export class Http1Server implements Http1Handler {
  readonly #services: Http1Services;
  readonly #limits: Http1Limits;
  readonly #tlsOf: EndpointTlsLookup;
  readonly #hosts: HostIndex;
  readonly #server: Server;
  readonly #connections = new Set<Http1Connection>();
  readonly #arrivals = new WeakMap<Duplex, Http1Arrival>();
  readonly #upstream: Http1Upstream;
  #protocols: EndpointProtocols | undefined;
  #draining = false;

  constructor(services: Http1Services, limits: Http1Limits = HTTP1_LIMITS) {
    const { context } = services;
    this.#services = services;
    this.#hosts = new HostIndex(context.authorities);
    this.#limits = limits;
    this.#tlsOf = ({ cluster }) => context.tlsClients.get(cluster.snapshot.tlsIdentity);
    const connector = new EndpointConnector(context, this.#tlsOf);
    this.#upstream = {
      picker: services.picker,
      agent: new EndpointAgent(connector, limits),
      nowMs: () => performance.now(),
    };
    // Times and lengths are the gate's: Node's own limits are only never to come before them.
    this.#server = createServer({
      insecureHTTPParser: false,
      requireHostHeader: true,
      maxHeaderSize: limits.maxHeadOctets * 2,
      keepAliveTimeout: 0,
      requestTimeout: 0,
      headersTimeout: 0,
      shouldUpgradeCallback: (request) => connectionOf(request).framer.head?.upgrade === "websocket",
    });
    this.#server.maxHeadersCount = limits.maxFields * 2;
    this.#server.on("request", (request, response) => this.#serve(request, response));
    this.#server.on("checkContinue", (request, response) => this.#serve(request, response));
    this.#server.on("checkExpectation", (request, response) => this.#serve(request, response));
    this.#server.on("upgrade", (request) => this.#upgrade(request));
    this.#server.on("clientError", (_, carrier) => this.#disagree(carrier as Http1Connection));
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  accept(arrival: Http1Arrival): void {
    const { engine, area } = this.#services.context;
    const carrier = new TransportDuplex(engine.slab, area, arrival.transport);
    const connection = new Http1Connection(carrier, this.#limits);
    connection.on("error", () => {});
    carrier.once("close", () => arrival.onGone());
    connection.once("close", () => this.#connections.delete(connection));
    if (this.#connections.size >= this.#limits.maxConnections) {
      connection.refuse(TOO_MANY);
      return;
    }
    this.#connections.add(connection);
    this.#arrivals.set(connection, arrival);
    if (this.#draining) connection.closing = true;
    this.#server.emit("connection", connection);
    connection.receive(arrival.octets);
  }

  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) {
      connection.closing = true;
      if (!connection.busy) connection.finish();
    }
  }

  cutOff(): number {
    let requests = 0;
    for (const connection of this.#connections) {
      if (connection.busy) requests++;
      connection.destroy();
    }
    return requests;
  }

  /** The two parsers have understood the same, or the request is not served. */
  #headOf(connection: Http1Connection, request: IncomingMessage): RequestHead | undefined {
    const { head } = connection.framer;
    const same =
      head !== undefined &&
      head.method === request.method &&
      head.fields.length === request.rawHeaders.length &&
      head.fields.every((text, i) =>
        i % 2 === 0 ? text === request.rawHeaders[i]!.toLowerCase() : text === request.rawHeaders[i],
      );
    return same ? head : undefined;
  }

  #disagree(connection: Http1Connection): void {
    if (connection.request === undefined) connection.refuse(connection.fault ?? DISAGREEMENT);
    else connection.request.fail(connection.fault ?? DISAGREEMENT);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const connection = connectionOf(request);
    const head = this.#headOf(connection, request);
    if (head === undefined) {
      this.#disagree(connection);
      return;
    }
    const exchange = new RequestExchange(connection, request, response, head);
    if (connection.fault !== undefined) {
      exchange.fail(connection.fault);
      return;
    }
    const found = this.#destination(connection, head);
    if (found.cluster === undefined && this.#ask(connection, head, exchange)) return;
    this.#direct(exchange, found);
  }

  #direct(exchange: RequestExchange, { cluster, choice }: Destination): void {
    if (cluster === undefined) exchange.fail(noRoute(exchange.head));
    else if (choice?.refused === true) exchange.fail(noLabelledEndpoint(cluster.snapshot.name));
    else this.#send(exchange, cluster, choice);
  }

  /** Somebody may know the Host, where nothing else says where the request goes. @returns whether it waits for word. */
  #ask(connection: Http1Connection, head: RequestHead, exchange: RequestExchange): boolean {
    const { askedAuthorities } = this.#services.context;
    const { clusterSlot = NO_ROUTE, source = "" } = this.#arrivals.get(connection) ?? {};
    if (askedAuthorities === undefined || clusterSlot !== NO_ROUTE) return false;
    const question = {
      authority: head.authority,
      source,
      onWord: () => {
        connection.off("close", withdraw);
        if (!exchange.over) this.#direct(exchange, this.#destination(connection, head));
      },
    };
    const withdraw = (): void => askedAuthorities.withdraw(question);
    connection.once("close", withdraw);
    if (askedAuthorities.ask(question)) return true;
    connection.off("close", withdraw);
    return false;
  }

  /** Where a request goes: by its connection, its Host, and what routes make of that. */
  #destination(connection: Http1Connection, head: RequestHead): Destination {
    const { clusters, routes } = this.#services.context;
    const { clusterSlot: given = NO_ROUTE, source = "" } = this.#arrivals.get(connection) ?? {};
    const own = given === NO_ROUTE ? routeOfHost(head.authority.toLowerCase(), this.#hosts) : given;
    const choice = routes?.choose(head, own, source);
    const slot = choice?.clusterSlot ?? own;
    const cluster = slot === NO_ROUTE ? undefined : clusters[slot];
    return { cluster: cluster?.removed === false ? cluster : undefined, choice };
  }

  #send(exchange: RequestExchange, cluster: ClusterRuntime, choice: RouteChoice | undefined): void {
    const { head, connection } = exchange;
    const { snapshot } = cluster;
    const inner = (): InnerChannel => this.#innerOf(connection, snapshot.clusterSlot, choice);
    const type = grpcWebMediaType(fieldValue(head.fields, "content-type"));
    const upstream = this.#upstreamOf(connection, choice);
    const way = wayOf(snapshot, head, type, isNamed(upstream));
    if (way === Way.none) {
      exchange.fail(noWay(snapshot.name));
      return;
    }
    if (way === Way.grpcWeb) {
      forwardHttp2(exchange, inner(), grpcWebDialect(head, type!));
      return;
    }
    countAnswer(exchange, cluster);
    exchange.limitWait(this.#limits.responseTimeoutMs);
    if (way === Way.http2) {
      forwardHttp2(exchange, inner(), PLAIN_HTTP);
      return;
    }
    const lease = this.#services.picker.pick(snapshot.clusterSlot, [], choice?.endpoints, upstream.pod);
    if (lease === undefined) exchange.fail(noEndpoint(snapshot.name));
    else if (way === Way.byAlpn) void this.#sendByAlpn(exchange, lease, upstream, inner);
    else forwardHttp1(exchange, upstream, lease);
  }

  #upstreamOf(connection: Http1Connection, choice: RouteChoice | undefined): Http1Upstream {
    const { identity: naming } = this.#services.context;
    return { ...this.#upstream, choice, pod: this.#arrivals.get(connection)?.pod, naming };
  }

  /** The picked endpoint decides the protocol; as HTTP/2 the request is picked for once more, with what the data plane knows. */
  async #sendByAlpn(
    exchange: RequestExchange,
    lease: EndpointLease,
    upstream: Http1Upstream,
    inner: () => InnerChannel,
  ): Promise<void> {
    const { name } = lease.cluster.snapshot;
    let http2 = false;
    try {
      this.#protocols ??= new (await import("./endpoint-protocols.ts")).EndpointProtocols(this.#tlsOf, () =>
        performance.now(),
      );
      http2 = await this.#protocols.speaksHttp2(lease);
    } catch (error) {
      lease.connectFailed(error as Error);
      lease.release();
      exchange.fail({
        ...upstreamFault(error as Error, name),
        text: `cannot find out what an endpoint of ${name} speaks`,
        flag: ResponseFlag.upstreamConnectionFailure,
      });
      return;
    }
    if (exchange.over || http2) lease.release();
    if (exchange.over) return;
    if (http2) forwardHttp2(exchange, inner(), PLAIN_HTTP);
    else forwardHttp1(exchange, upstream, lease);
  }

  #upgrade(request: IncomingMessage): void {
    const connection = connectionOf(request);
    const head = this.#headOf(connection, request);
    if (head === undefined) {
      this.#disagree(connection);
      return;
    }
    connection.closing = true;
    const { cluster, choice } = this.#destination(connection, head);
    if (cluster === undefined || choice?.refused === true) {
      connection.refuse(cluster === undefined ? noRoute(head) : noLabelledEndpoint(cluster.snapshot.name));
      return;
    }
    const { snapshot } = cluster;
    const upstream = this.#upstreamOf(connection, choice);
    if (wayOf(snapshot, head, undefined, isNamed(upstream)) !== Way.http1) {
      connection.refuse(
        clientFault(501, `${snapshot.name} has no endpoints of HTTP/1.1, which WebSocket needs`),
      );
      return;
    }
    const lease = this.#services.picker.pick(snapshot.clusterSlot, [], choice?.endpoints, upstream.pod);
    if (lease === undefined) connection.refuse(noEndpoint(snapshot.name));
    else forwardUpgrade(connection, head, upstream, lease, this.#limits.responseTimeoutMs);
  }

  /** One request is under way at a time, so that what it is for can be said of the whole channel. */
  #innerOf(connection: Http1Connection, clusterSlot: number, choice: RouteChoice | undefined): InnerChannel {
    const { context, requests } = this.#services;
    let inner = connection.inner as InnerChannel | undefined;
    if (inner?.gone === false) {
      inner.aim(clusterSlot);
    } else {
      inner?.close();
      const { source = "", pod } = this.#arrivals.get(connection) ?? {};
      inner = new InnerChannel(context, requests, clusterSlot, { source, pod });
      connection.inner = inner;
    }
    inner.choice = choice;
    return inner;
  }
}

function connectionOf(request: IncomingMessage): Http1Connection {
  return request.socket as unknown as Http1Connection;
}

/** Whether endpoints are told who calls. */
function isNamed({ pod, naming }: Http1Upstream): boolean {
  return pod !== undefined && naming !== undefined;
}

/** Where a request goes. */
interface Destination {
  readonly cluster: ClusterRuntime | undefined;
  readonly choice: RouteChoice | undefined;
}

/** Counts the answer, whoever gives it; a client that left before has had none. */
function countAnswer(exchange: RequestExchange, { row }: ClusterRuntime): void {
  exchange.onEnd = () => {
    const { headersSent, statusCode } = exchange.response;
    if (headersSent) row[ClusterColumn.http1Responses + codeClassCell(statusCode)]!++;
  };
}

function noRoute(head: RequestHead): Http1Fault {
  const text = `no cluster is configured for authority "${head.authority}"`;
  return { status: 404, text, flag: ResponseFlag.noRoute };
}

function noLabelledEndpoint(clusterName: string): Http1Fault {
  const text = `no endpoint of ${clusterName} has the labels the request asks for`;
  return { status: 503, text, flag: ResponseFlag.noHealthyUpstream };
}

function noWay(clusterName: string): Http1Fault {
  const text = `${clusterName} is for gRPC: send application/grpc-web, or set its h2UpgradePolicy`;
  return { status: 421, text, flag: ResponseFlag.noRoute };
}
