import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import type { ChannelOptions } from "@grpc/grpc-js";
import { Client, connectivityState, credentials, Metadata } from "@grpc/grpc-js";
import { matchSubjectAltNames } from "../../base/subject-alt-names.ts";
import type { AdsStream, AdsStreamOwner, AdsTransport } from "./ads-transport.ts";
import { unrefCredentials } from "./unref-credentials.ts";

/** Certificates for connections to a control plane, PEM. Empty where there are none. */
export interface ControlPlaneTls {
  /** Authorities that are trusted; "" for those of the system. */
  readonly ca: string;
  /** Our own, for mutual TLS. */
  readonly cert: string;
  readonly key: string;
  /** Name expected in the control plane's certificate; "" for the host of its address. */
  readonly serverName: string;
  /** If not empty, one of these has to be in the certificate instead. */
  readonly subjectAltNames: readonly string[];
}

const METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const REPORTS_METHOD = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats";
/** How long a connection may take, TLS included. */
const CONNECT_LIMIT_MS = 5_000;
/** A control plane that is gone without a word is found out by then; grpc-js asks less often where it is told that this is too often. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

const OPTIONS: ChannelOptions = {
  // Answers hold what was asked for, however much that is.
  "grpc.max_receive_message_length": -1,
  "grpc.keepalive_time_ms": KEEPALIVE_MS,
  "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
  // A proxy named by the environment may be this one.
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  // Waiting is the business of whoever opens streams.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
};

const same = (octets: Buffer): Buffer => octets;

/** Streams over gRPC; messages are octets, not objects. */
export class GrpcAdsTransport implements AdsTransport {
  readonly #tls: () => ControlPlaneTls | undefined;
  readonly #token: () => string;
  readonly #holdsProcess: boolean;
  readonly #clients = new Set<Client>();

  /**
   * @param tls asked for with every connection, so that renewed certificates count; undefined for clear text. What it throws is why there
   * is no stream.
   * @param token asked for with every stream: what the control plane knows us by; "" for none. It is never sent in clear text. May throw, too.
   * @param holdsProcess whether a stream that stands keeps the process alive.
   */
  constructor(
    tls: () => ControlPlaneTls | undefined,
    token: () => string = () => "",
    holdsProcess: boolean = true,
  ) {
    this.#tls = tls;
    this.#token = token;
    this.#holdsProcess = holdsProcess;
  }

  open(address: string, owner: AdsStreamOwner): AdsStream {
    let tls: ControlPlaneTls | undefined;
    let token = "";
    try {
      tls = this.#tls();
      if (tls !== undefined) token = this.#token();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const soon = setImmediate(() => owner.onEnd(reason));
      return { send: () => {}, close: () => clearImmediate(soon) };
    }
    const expected = tls?.serverName || hostOf(address);
    // An address is not to be sent as the server's name (RFC 6066 §3), and Node refuses to.
    const sent = isIP(expected) === 0 ? expected : "localhost";
    const name = tls === undefined ? {} : { "grpc.ssl_target_name_override": sent };
    const { credentials: shown, unref } = unrefCredentials(
      tls === undefined ? credentials.createInsecure() : secure(tls, expected),
    );
    const client = new Client(address, shown, { ...OPTIONS, ...name });
    this.#clients.add(client);
    const metadata = new Metadata();
    if (token !== "") metadata.set("authorization", `Bearer ${token}`);
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(METHOD, same, same, metadata, {});
    let ended = false;
    let endReports = (_reason: string): void => {};
    const end = (): boolean => {
      if (ended) return false;
      ended = true;
      endReports("the stream beside it has ended");
      call.cancel();
      client.close();
      this.#clients.delete(client);
      return true;
    };
    const fail = (reason: string): void => {
      if (end()) owner.onEnd(reason);
    };
    const deadline = Date.now() + CONNECT_LIMIT_MS;
    // Not waitForReady: it goes on asking a client that is closed, which then connects again and again for ever.
    const look = (error?: Error): void => {
      if (ended) return;
      if (error !== undefined) return fail(`no connection within ${CONNECT_LIMIT_MS / 1000} s`);
      const channel = client.getChannel();
      const state = channel.getConnectivityState(true);
      if (state !== connectivityState.READY) return channel.watchConnectivityState(state, deadline, look);
      // The call holds the connection from its beginning on, which is by then.
      if (!this.#holdsProcess) setImmediate(unref);
      owner.onOpen();
    };
    setImmediate(look);
    call.on("data", (message: Buffer) => {
      if (!ended) owner.onMessage(message);
    });
    call.on("error", (error) => fail(error.message));
    call.on("end", () => fail("the control plane has ended the stream"));
    return {
      send: (message) => {
        if (!ended) call.write(message);
      },
      close: () => void end(),
      openReports: (reportsOwner) => {
        const reports = openReports(client, metadata, reportsOwner);
        endReports = reports.end;
        return reports;
      },
    };
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.#clients.clear();
  }
}

/** On the connection of a stream that stands; the token is the same. */
function openReports(
  client: Client,
  metadata: Metadata,
  owner: AdsStreamOwner,
): AdsStream & { readonly end: (reason: string) => void } {
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(REPORTS_METHOD, same, same, metadata, {});
  let ended = false;
  const close = (): void => {
    clearImmediate(opened);
    ended = true;
    call.cancel();
  };
  const end = (reason: string): void => {
    if (ended) return;
    close();
    owner.onEnd(reason);
  };
  const opened = setImmediate(() => owner.onOpen());
  call.on("data", (message: Buffer) => {
    if (!ended) owner.onMessage(message);
  });
  call.on("error", (error) => end(error.message));
  call.on("end", () => end("the control plane has ended the stream"));
  return {
    send: (message) => {
      if (!ended) call.write(message);
    },
    close,
    end,
  };
}

/** @param expected the name or address that the certificate has to be for, unless it has to have one of certain names. */
function secure({ ca, cert, key, subjectAltNames }: ControlPlaneTls, expected: string) {
  const pem = (text: string): Buffer | null => (text === "" ? null : Buffer.from(text));
  return credentials.createSsl(pem(ca), pem(key), pem(cert), {
    checkServerIdentity: (_, certificate) => {
      if (subjectAltNames.length === 0) return checkServerIdentity(expected, certificate);
      const { subjectaltname = "" } = certificate;
      if (matchSubjectAltNames(subjectAltNames, subjectaltname)) return undefined;
      return new Error(
        `the certificate is for ${subjectaltname || "no name"}, wanted ${subjectAltNames.join(" or ")}`,
      );
    },
  });
}

/** @param address `host:port`. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
