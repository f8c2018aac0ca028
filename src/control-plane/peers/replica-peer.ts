import type { Random } from "../../base/random.ts";
import { retryDelayMs } from "../../kube/retry-delay.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AdsStream, AdsTransport } from "../../xds/client/ads-transport.ts";
import type { XdsNode } from "../../xds/resources/delta-request.ts";
import { encodeDeltaRequest } from "../../xds/resources/delta-request.ts";
import { decodeDeltaResponse } from "../../xds/resources/delta-response.ts";
import type { ReplicaLoads } from "../../xds/resources/replica-loads.ts";
import { decodeReplicaLoads, REPLICA_LOADS } from "../../xds/resources/replica-loads.ts";
import { OWN_TYPE_URL } from "../../xds/resources/type-url.ts";

/** What a {@link ReplicaPeer} works with. */
export interface ReplicaPeerOptions {
  /** `ip:port`. */
  readonly address: string;
  readonly transport: AdsTransport;
  readonly node: XdsNode;
  /** Ours: what comes from it is our own. */
  readonly replica: string;
  /** @param loads undefined: nothing is known of it (any more). */
  readonly onLoads: (loads: ReplicaLoads | undefined) => void;
  readonly log: Log;
  readonly random: Random;
}

const typeUrl = OWN_TYPE_URL.replicaLoads;

/** The stream to another replica, on which it tells what its clients report; opened again whenever it ends. */
export class ReplicaPeer {
  readonly #options: ReplicaPeerOptions;
  #stream: AdsStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #trouble = "";
  #isKnown = false;
  #isClosed = false;

  constructor(options: ReplicaPeerOptions) {
    this.#options = options;
    this.#open();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#forget();
  }

  #open(): void {
    const { address, transport, node } = this.#options;
    const stream = transport.open(address, {
      onOpen: () => stream.send(encodeDeltaRequest({ node, typeUrl, subscribe: [REPLICA_LOADS] })),
      onMessage: (message) => {
        const problem = this.#take(message, stream);
        if (problem === "") return;
        stream.close();
        this.#ended(problem);
      },
      onEnd: (reason) => this.#ended(reason),
    });
    this.#stream = stream;
  }

  /** @returns why the stream is to be given up, "" when it goes on. */
  #take(message: Uint8Array, stream: AdsStream): string {
    const { value: response, problem } = decodeDeltaResponse(message);
    if (response === undefined) return problem;
    stream.send(encodeDeltaRequest({ typeUrl, nonce: response.nonce }));
    if (response.removed.includes(REPLICA_LOADS))
      return "it does not tell what its clients report: it is an older release, or does not take this control plane for a replica";
    const { replica, onLoads, log, address } = this.#options;
    for (const { name, octets } of response.resources) {
      if (name !== REPLICA_LOADS) continue;
      const { value: loads, problem: unreadable } = decodeReplicaLoads(octets);
      if (loads === undefined) return unreadable;
      if (loads.replica === replica) {
        log.debug("one of --peers is this replica itself", { address });
        this.close();
        return "";
      }
      this.#failures = 0;
      this.#trouble = "";
      if (!this.#isKnown) log.info("what the clients of another replica report is known", { address });
      this.#isKnown = true;
      onLoads(loads);
    }
    return "";
  }

  #ended(reason: string): void {
    if (this.#isClosed) return;
    const { address, log, random } = this.#options;
    this.#forget();
    // grpc-js puts the time of day into its reasons.
    const trouble = reason.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "");
    if (trouble !== this.#trouble)
      log.warn("what the clients of another replica report is not known", { address, reason });
    this.#trouble = trouble;
    this.#timer = setTimeout(() => this.#open(), retryDelayMs(++this.#failures, random));
    this.#timer.unref();
  }

  #forget(): void {
    if (this.#isKnown) this.#options.onLoads(undefined);
    this.#isKnown = false;
  }
}
