import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import type { Socket } from "node:net";
import { connect as connectTcp } from "node:net";
import { GrpcStatus } from "../grpc/status.ts";
import type { Probe, ProbeAnswer, ProbeTarget } from "./probe.ts";
import { answerOfError, timedOut } from "./probe.ts";

const PATH = "/grpc.health.v1.Health/Check";
const SERVING = 1;
/** HealthCheckResponse.ServingStatus. */
const STATUS_NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
/** An answer is a message of two octets; nobody may send us more than this. */
const MAX_ANSWER_OCTETS = 1_024;
/** A message's head: not compressed, and its length. */
const HEAD_OCTETS = 5;

/**
 * Asks by grpc.health.v1. A server that does not have that service is well as far as anybody can tell. The connection is kept while
 * checks are answered; after anything else it is destroyed, half made or not, so that an endpoint that swallows everything costs
 * a timer and nothing that stays.
 *
 * Source: grpc/grpc doc/health-checking.md; gRPC over HTTP/2.
 */
export class GrpcProbe implements Probe {
  readonly #target: ProbeTarget;
  readonly #message: Buffer;
  #session: ClientHttp2Session | undefined;

  /** @param service the service asked about; "" for the server as a whole. */
  constructor(target: ProbeTarget, service: string) {
    this.#target = target;
    this.#message = encodeRequest(service);
  }

  async check(timeoutMs: number): Promise<ProbeAnswer> {
    let answer: ProbeAnswer;
    try {
      if (this.#session?.closed !== false || this.#session.destroyed) this.#session = this.#connect();
      answer = await this.#ask(this.#session, timeoutMs);
    } catch (error) {
      answer = answerOfError(error);
    }
    if (answer.result === "timeout" || answer.result === "network") this.reset();
    return answer;
  }

  #ask(session: ClientHttp2Session, timeoutMs: number): Promise<ProbeAnswer> {
    return new Promise((resolve) => {
      const end = (answer: ProbeAnswer): void => {
        clearTimeout(timer);
        session.off("error", fail);
        session.off("close", close);
        resolve(answer);
      };
      const fail = (error: Error): void => end(answerOfError(error));
      const close = (): void => end({ result: "network", detail: "the connection ended" });
      const timer = setTimeout(() => end(timedOut(timeoutMs)), timeoutMs);
      session.on("error", fail);
      session.on("close", close);
      const stream = session.request({
        ":method": "POST",
        ":path": PATH,
        ":authority": this.#target.authority,
        "content-type": "application/grpc",
        te: "trailers",
        "grpc-timeout": `${timeoutMs}m`,
        "user-agent": "isobar-health-check",
      });
      let fields: IncomingHttpHeaders = {};
      let body: Buffer = Buffer.alloc(0);
      const take = (received: IncomingHttpHeaders): void => {
        fields = { ...fields, ...received };
      };
      stream.on("response", take);
      stream.on("trailers", take);
      stream.on("error", fail);
      stream.on("data", (part: Buffer) => {
        if (body.length < MAX_ANSWER_OCTETS)
          body = Buffer.concat([body, part.subarray(0, MAX_ANSWER_OCTETS)]);
      });
      stream.on("close", () => {
        // A session that is destroyed closes its streams first: that is no answer of the endpoint's.
        if (session.destroyed && fields["grpc-status"] === undefined) close();
        else end(answerOf(fields, body));
      });
      stream.end(this.#message);
    });
  }

  #connect(): ClientHttp2Session {
    const session = connect("http://health.invalid", {
      createConnection: () => this.#dial(),
      settings: { enablePush: false },
    });
    // Without a listener an error between two checks would end the process.
    session.on("error", () => {});
    return session;
  }

  #dial(): Socket {
    const { address, port, tls } = this.#target;
    const place = { host: address, port, noDelay: true };
    if (tls === undefined) return connectTcp(place);
    const { connect: connectTls } = process.getBuiltinModule("node:tls");
    return connectTls({ ...tls(), ...place, ALPNProtocols: ["h2"] });
  }

  reset(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }
}

function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service, "utf8");
  const length = name.length < 128 ? [name.length] : [(name.length & 0x7f) | 0x80, name.length >> 7];
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...length]), name]);
  const head = Buffer.alloc(HEAD_OCTETS);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function answerOf(fields: IncomingHttpHeaders, body: Buffer): ProbeAnswer {
  const status = fields["grpc-status"];
  if (status === undefined) {
    const found = fields[":status"] === undefined ? "the stream was reset" : `HTTP ${fields[":status"]}`;
    return { result: "failure", detail: `no gRPC status: ${found}` };
  }
  const code = Number(status);
  if (code === GrpcStatus.unimplemented)
    return { result: "success", detail: "grpc.health.v1 is not implemented", unsupported: true };
  if (code !== GrpcStatus.ok) return { result: "failure", detail: `gRPC status ${code}` };
  // The one field of HealthCheckResponse is an enumeration; absent, as of any message, is its first value.
  const message = body.subarray(HEAD_OCTETS);
  const value = message[0] === 0x08 ? (message[1] ?? 0) : 0;
  return {
    result: value === SERVING ? "success" : "failure",
    detail: STATUS_NAMES[value] ?? `status ${value}`,
  };
}
