import { lookup } from "node:dns/promises";
import type { Random } from "../../base/random.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AdsTransport } from "../../xds/client/ads-transport.ts";
import type { XdsNode } from "../../xds/resources/delta-request.ts";
import type { ReplicaLoads } from "../../xds/resources/replica-loads.ts";
import { ReplicaPeer } from "./replica-peer.ts";

/** Where replicas are. */
export interface PeerAddress {
  /** A name whose addresses are all replicas', such as that of a headless Service, or one IP address. */
  readonly host: string;
  readonly port: number;
}

/** What {@link ReplicaPeers} work with. */
export interface ReplicaPeersOptions {
  readonly addresses: readonly PeerAddress[];
  /** @param host the name that is expected in the certificate. */
  readonly transport: (host: string) => AdsTransport;
  readonly node: XdsNode;
  /** Ours. */
  readonly replica: string;
  /** @param peer a number of its own, below 0. @param loads undefined: nothing is known of it (any more). */
  readonly onLoads: (peer: number, loads: ReplicaLoads | undefined) => void;
  readonly log: Log;
  readonly random: Random;
}

/** How often names are looked up: Pods come and go. */
const LOOK_UP_MS = 5_000;
/** Replicas that are asked; a name that has more addresses is no control plane's. */
const MOST_PEERS = 16;

/** The other replicas of this control plane: each is asked what its clients report, for as long as its address is listed. */
export class ReplicaPeers {
  readonly #options: ReplicaPeersOptions;
  readonly #transports = new Map<string, AdsTransport>();
  readonly #peers = new Map<string, ReplicaPeer>();
  #timer: NodeJS.Timeout | undefined;
  #lastPeer = 0;
  #isClosed = false;

  constructor(options: ReplicaPeersOptions) {
    this.#options = options;
    for (const { host } of options.addresses) this.#transports.set(host, options.transport(host));
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const peer of this.#peers.values()) peer.close();
    for (const transport of this.#transports.values()) transport.close();
  }

  async #look(): Promise<void> {
    const listed = new Map<string, string>();
    let isWhole = true;
    for (const { host, port } of this.#options.addresses) {
      // Who cannot be looked up now may still be there.
      const found = await lookup(host, { all: true }).catch(() => undefined);
      isWhole &&= found !== undefined;
      for (const { address, family } of found ?? [])
        listed.set(family === 6 ? `[${address}]:${port}` : `${address}:${port}`, host);
    }
    if (this.#isClosed) return;
    for (const [address, peer] of this.#peers) {
      if (!isWhole || listed.has(address)) continue;
      peer.close();
      this.#peers.delete(address);
    }
    for (const [address, host] of listed) {
      if (!this.#peers.has(address) && this.#peers.size < MOST_PEERS) this.#add(address, host);
    }
    this.#timer = setTimeout(() => void this.#look(), LOOK_UP_MS);
    this.#timer.unref();
  }

  #add(address: string, host: string): void {
    const { node, replica, onLoads, log, random } = this.#options;
    const number = --this.#lastPeer;
    const peer = new ReplicaPeer({
      address,
      transport: this.#transports.get(host)!,
      node,
      replica,
      onLoads: (loads) => onLoads(number, loads),
      log,
      random,
    });
    this.#peers.set(address, peer);
  }
}
