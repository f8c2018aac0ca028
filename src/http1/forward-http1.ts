import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpRequest, STATUS_CODES } from "node:http";
import { NO_CLASS } from "../proxy/callers/caller-classes.ts";
import type { CallerNaming } from "../proxy/callers/caller-naming.ts";
import type { CallerPod } from "../proxy/callers/caller-pod.ts";
import type { ConnectionPicker } from "../proxy/port/connection-picker.ts";
import type { EndpointLease } from "../proxy/port/endpoint-lease.ts";
import type { RouteChoice } from "../proxy/routes/request-routes.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { observeMs } from "../telemetry/histogram-buckets.ts";
import { ResponseFlag } from "../telemetry/response-flag.ts";
import { changeFields } from "./change-fields.ts";
import type { EndpointAgent, EndpointRequestOptions } from "./endpoint-agent.ts";
import { ConnectError } from "./endpoint-connector.ts";
import { endToEndRequestFields, endToEndResponseFields, isProxysOwn } from "./hop-by-hop.ts";
import type { Http1Fault } from "./http1-fault.ts";
import type { RequestExchange } from "./request-exchange.ts";
import type { RequestHead } from "./request-head.ts";
import { BodyFraming } from "./request-head.ts";

/** May be sent once more when nothing of an answer has come. Source: RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const MAX_RESPONSE_HEAD_OCTETS = 65_536;

/** What sending as HTTP/1.1 takes. */
export interface Http1Upstream {
  readonly picker: ConnectionPicker;
  readonly agent: EndpointAgent;
  /** The route of the request, where there is one. */
  readonly choice?: RouteChoice | undefined;
  /** Who calls, where that is known. */
  readonly pod?: CallerPod | undefined;
  /** Says to endpoints who calls, where that is wanted. */
  readonly naming?: CallerNaming | undefined;
  /** A clock for durations. */
  readonly nowMs: () => number;
}

/** @returns the fields of a request as an endpoint of HTTP/1.1 gets them, changed as its route says: names and values by turns. */
export function http1RequestFields(
  head: RequestHead,
  { choice, naming, pod }: Http1Upstream,
  { clusterSlot, cluster }: EndpointLease,
): string[] {
  const endToEnd = changeFields(endToEndRequestFields(head), choice?.route.route.requestHeaders);
  const fields = ["host", head.authority, ...endToEnd];
  if (naming !== undefined && pod !== undefined) {
    fields.push(...naming.fieldsOf(pod, clusterSlot, cluster.snapshot.name));
  }
  if (head.framing === BodyFraming.chunked) fields.push("transfer-encoding", "chunked");
  else if (head.framing === BodyFraming.length) fields.push("content-length", String(head.contentLength));
  else if (head.method === "POST" || head.method === "PUT" || head.method === "PATCH") {
    fields.push("content-length", "0");
  }
  if (head.expectsContinue) fields.push("expect", "100-continue");
  return fields;
}

/** @returns the options of a request to the lease's endpoint. */
export function http1RequestOptions(
  { agent, pod }: Http1Upstream,
  head: RequestHead,
  fields: readonly string[],
  lease: EndpointLease,
  fresh: boolean,
): EndpointRequestOptions {
  return {
    agent,
    lease,
    fresh,
    callerClass: pod?.callerClass ?? NO_CLASS,
    host: lease.address,
    port: lease.port,
    method: head.method,
    path: head.target,
    headers: fields,
    setHost: false,
    maxHeaderSize: MAX_RESPONSE_HEAD_OCTETS,
  };
}

/** @returns what the client is told of an endpoint that failed before it answered. */
export function upstreamFault(error: Error, clusterName: string): Http1Fault {
  if (error instanceof ConnectError) {
    const text = `cannot connect to an endpoint of ${clusterName}`;
    return { status: 503, text, flag: ResponseFlag.upstreamConnectionFailure };
  }
  if ((error as NodeJS.ErrnoException).code?.startsWith("HPE_") === true) {
    const text = `invalid HTTP/1.1 from an endpoint of ${clusterName}`;
    return { status: 502, text, flag: ResponseFlag.upstreamProtocolError };
  }
  const text = `connection lost during the request to ${clusterName}`;
  return { status: 503, text, flag: ResponseFlag.upstreamConnectionTermination };
}

/** The answer where a cluster has nobody to ask. */
export function noEndpoint(clusterName: string): Http1Fault {
  return { status: 503, text: `no endpoint of ${clusterName}`, flag: ResponseFlag.noHealthyUpstream };
}

/**
 * Sends a request to one endpoint as HTTP/1.1, and brings the answer back. An endpoint that cannot be connected to is left for
 * another one; a kept connection that turns out to be closed is replaced once, if the request may be sent twice.
 *
 * @param first the endpoint picked already.
 */
export function forwardHttp1(exchange: RequestExchange, upstream: Http1Upstream, first: EndpointLease): void {
  new Http1Forward(exchange, upstream, first).start();
}

class Http1Forward {
  readonly #exchange: RequestExchange;
  readonly #upstream: Http1Upstream;
  readonly #tried: number[] = [];
  readonly #fields: string[];
  #lease: EndpointLease;
  #sent: ClientRequest | undefined;
  #fresh = false;

  constructor(exchange: RequestExchange, upstream: Http1Upstream, first: EndpointLease) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#lease = first;
    this.#fields = http1RequestFields(exchange.head, upstream, first);
    exchange.onAbort = () => this.#sent?.destroy();
    const { onEnd } = exchange;
    const { row } = first.cluster;
    const startMs = upstream.nowMs();
    row[ClusterColumn.streamsActive]!++;
    exchange.onEnd = (whole) => {
      onEnd(whole);
      row[ClusterColumn.streamsActive]!--;
      observeMs(row, ClusterColumn.duration, upstream.nowMs() - startMs);
      // An answer may be complete before the request is.
      if (this.#sent?.writableFinished === false) this.#sent.destroy();
      this.#lease.release();
    };
  }

  start(): void {
    const { head, request } = this.#exchange;
    const options = http1RequestOptions(this.#upstream, head, this.#fields, this.#lease, this.#fresh);
    const sent = httpRequest(options);
    this.#sent = sent;
    sent.on("error", (error) => {
      if (this.#sent === sent) this.#failed(sent, error);
    });
    sent.on("continue", () => {
      if (!this.#exchange.started) this.#exchange.response.writeContinue();
    });
    sent.on("information", ({ statusCode, rawHeaders }) => {
      if (statusCode === 100) return;
      this.#exchange.inform(
        statusCode,
        STATUS_CODES[statusCode] ?? "Informational",
        endToEndResponseFields(rawHeaders),
      );
    });
    // A change of protocol nobody asked for.
    sent.on("upgrade", (_, connection) => {
      connection.destroy();
      this.#failed(sent, Object.assign(new Error("101 unasked"), { code: "HPE_UNASKED" }));
    });
    sent.on("response", (answer) => this.#receive(answer));
    if (head.framing === BodyFraming.none) sent.end();
    else {
      if (head.expectsContinue) sent.flushHeaders();
      // Before a connection stands, nothing of the body is taken, so that the request can go elsewhere.
      sent.once("socket", () => this.#sendBody(sent, request));
    }
  }

  #sendBody(sent: ClientRequest, body: IncomingMessage): void {
    body.on("end", () => {
      const { rawTrailers } = body;
      const trailers: [string, string][] = [];
      for (let i = 0; i < rawTrailers.length; i += 2) {
        if (!isProxysOwn(rawTrailers[i]!.toLowerCase()))
          trailers.push([rawTrailers[i]!, rawTrailers[i + 1]!]);
      }
      if (trailers.length > 0) sent.addTrailers(trailers);
      sent.end();
    });
    body.pipe(sent, { end: false });
  }

  #receive(answer: IncomingMessage): void {
    const exchange = this.#exchange;
    if (exchange.over) return;
    answer.on("error", () => {});
    const { rawHeaders, statusCode = 0 } = answer;
    this.#lease.answered(statusCode);
    const answered = this.#lease.takeReport(endToEndResponseFields(rawHeaders), exchange.head.fields);
    const fields = changeFields(answered, this.#upstream.choice?.route.route.responseHeaders);
    if (!exchange.begin(statusCode, fields)) {
      this.#sent?.destroy();
      exchange.fail(
        upstreamFault(Object.assign(new Error("unfit answer"), { code: "HPE_UNFIT" }), this.#name),
      );
      return;
    }
    exchange.response.flushHeaders();
    answer.on("data", (octets: Buffer) => {
      if (exchange.over || exchange.write(octets)) return;
      answer.pause();
      exchange.response.once("drain", () => answer.resume());
    });
    answer.on("close", () => {
      if (exchange.over) return;
      if (!answer.complete) {
        exchange.fail(upstreamFault(new Error("cut off"), this.#name));
        return;
      }
      const trailers: [string, string][] = [];
      const raw = answer.rawTrailers;
      for (let i = 0; i < raw.length; i += 2) trailers.push([raw[i]!, raw[i + 1]!]);
      if (trailers.length > 0 && exchange.head.takesTrailers) exchange.response.addTrailers(trailers);
      exchange.end();
    });
  }

  get #name(): string {
    return this.#lease.cluster.snapshot.name;
  }

  #failed(sent: ClientRequest, error: Error): void {
    const exchange = this.#exchange;
    this.#sent = undefined;
    if (exchange.over) return;
    const { head } = exchange;
    if (error instanceof ConnectError) {
      if (this.#move()) return;
    } else if (
      sent.reusedSocket &&
      !this.#fresh &&
      !exchange.started &&
      head.framing === BodyFraming.none &&
      IDEMPOTENT.has(head.method)
    ) {
      this.#fresh = true;
      this.start();
      return;
    }
    if (!(error instanceof ConnectError)) this.#lease.failed();
    exchange.fail(upstreamFault(error, this.#name));
  }

  /** Goes to another endpoint: this one certainly has not seen the request. */
  #move(): boolean {
    const { picker, choice, pod } = this.#upstream;
    const { clusterSlot, slot } = this.#lease;
    this.#tried.push(slot);
    if (!picker.mayMove(clusterSlot, this.#tried.length - 1)) return false;
    const next = picker.pick(clusterSlot, this.#tried, choice?.endpoints, pod);
    if (next === undefined) return false;
    this.#lease.release();
    this.#lease = next;
    this.start();
    return true;
  }
}
