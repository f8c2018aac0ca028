import { HeaderChange } from "../../route/header-change.ts";
import { HeaderNames } from "../../route/header-names.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { CallerNaming } from "./caller-naming.ts";
import type { CallerPod } from "./caller-pod.ts";
import type { IdentityClaims, IdentitySigner } from "./identity-signer.ts";
import type { PodToken } from "./pod-token.ts";

/** The header that says who calls. Whoever sends it himself is not believed: the decoder drops it from every request. */
export const CALLER_HEADER = "x-isobar-caller";

/**
 * Says in a header of each captured request who calls, signed: a token per pod and service, made anew when half its life is over, so that a request costs
 * a copy of octets.
 */
export class IdentityHeader implements CallerNaming {
  readonly #context: Pick<ProxyContext, "engine" | "time">;
  readonly #names: HeaderNames;
  readonly #signer: IdentitySigner;
  readonly #lifetimeMs: number;

  constructor(context: Pick<ProxyContext, "engine" | "time">, signer: IdentitySigner, lifetimeMs: number) {
    this.#context = context;
    this.#signer = signer;
    this.#lifetimeMs = lifetimeMs;
    this.#names = new HeaderNames(context.engine.slab.bytes, context.engine.pool);
  }

  /** @returns what adds the header; undefined while nothing can be signed. */
  of(pod: CallerPod, clusterSlot: number, service: string): HeaderChange | undefined {
    return this.#tokenOf(pod, clusterSlot, service)?.change;
  }

  fieldsOf(pod: CallerPod, clusterSlot: number, service: string): readonly string[] {
    const token = this.#tokenOf(pod, clusterSlot, service);
    return token === undefined ? [] : [CALLER_HEADER, token.text];
  }

  publicKeys(): string {
    return this.#signer.publicKeys();
  }

  #tokenOf(pod: CallerPod, clusterSlot: number, service: string): PodToken | undefined {
    const { nowMs } = this.#context.time;
    const token = pod.tokens[clusterSlot];
    if (token !== undefined && nowMs < token.renewMs && token.service === service) return token;
    return this.#renew(pod, clusterSlot, service, nowMs);
  }

  #renew(pod: CallerPod, clusterSlot: number, service: string, nowMs: number): PodToken | undefined {
    const { uid, namespace, serviceAccount, workload } = pod;
    const claims: IdentityClaims = { uid, namespace, pod: pod.pod, serviceAccount, workload };
    const text = this.#signer.sign(claims, service, this.#lifetimeMs);
    if (text === "") return undefined;
    const change = new HeaderChange({ set: {}, add: { [CALLER_HEADER]: text }, remove: [] }, this.#names);
    const token = { service, text, change, renewMs: nowMs + this.#lifetimeMs / 2 };
    pod.tokens[clusterSlot] = token;
    return token;
  }
}
