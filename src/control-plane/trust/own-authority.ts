import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../base/random.ts";
import type { ApiClient } from "../../kube/api-client.ts";
import { ApiError } from "../../kube/api-error.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import { retryDelayMs } from "../../kube/retry-delay.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ServerIdentity } from "../../xds/server/server-identity.ts";
import type { SecretData } from "./authority-secret.ts";
import { authoritiesOf, secretDataOf, validityOf } from "./authority-secret.ts";
import type { Authority, AuthoritySet, AuthorityTimes } from "./authority-set.ts";
import { AUTHORITY_TIMES, advanceAuthorities, bundleOf, renewalMs } from "./authority-set.ts";
import type { IdentitySource } from "./identity-source.ts";
import { IdentityError } from "./identity-source.ts";
import { issueAuthority, issueServerCertificate } from "./issue-certificate.ts";

/** What an {@link OwnAuthority} works with. */
export interface OwnAuthorityOptions {
  readonly api: ApiClient;
  /** Where its Secret and ConfigMap lie. */
  readonly namespace: string;
  readonly secretName: string;
  readonly bundleName: string;
  /** DNS names and IP addresses that clients call the control plane by. */
  readonly names: readonly string[];
  /** Authorities of clients' certificates, PEM; "" for none. */
  readonly clientCa: string;
  readonly log: Log;
  readonly random: Random;
  /** Default {@link AUTHORITY_TIMES}. */
  readonly times?: AuthorityTimes;
  /** Milliseconds since 1970. Default: the clock. */
  readonly nowMs?: () => number;
  /** How often it is looked after; default a minute. */
  readonly lookMs?: number;
}

interface StoredObject extends RawObject {
  readonly data?: SecretData;
}

const LOOK_MS = 60_000;
/** Somebody else's write came first so often in a row: then it is tried later. */
const MOST_CONFLICTS = 10;
/** Key of the ConfigMap, as kubelets mount it. */
const BUNDLE_KEY = "ca.crt";

/**
 * An authority of our own: made once for all replicas and kept in a Secret, its certificates published in a ConfigMap that clients mount. Each replica issues its
 * serving certificate to itself. Everything is renewed at two thirds of its life, an authority with its successor published a day before it is used.
 * The API server may be away: what is there goes on, and serving certificates are renewed all the same.
 */
export class OwnAuthority implements IdentitySource {
  readonly #options: OwnAuthorityOptions;
  readonly #times: AuthorityTimes;
  readonly #nowMs: () => number;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #set: AuthoritySet | undefined;
  #serving: (Authority & { readonly signer: string }) | undefined;
  #trouble = "";

  constructor(options: OwnAuthorityOptions) {
    this.#options = options;
    this.#times = options.times ?? AUTHORITY_TIMES;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  get notAfterMs(): number {
    return this.#serving?.notAfterMs ?? Number.NaN;
  }

  get bundle(): string {
    return this.#set === undefined ? "" : bundleOf(this.#set);
  }

  /** Waits for the API server, for as long as it takes. */
  async start(onChange: (identity: ServerIdentity) => void): Promise<ServerIdentity> {
    for (let failures = 1; ; failures++) {
      try {
        await this.look();
        break;
      } catch (error) {
        if (error instanceof IdentityError || this.#stop.signal.aborted) throw error;
        this.#say(error);
        await sleep(retryDelayMs(failures, this.#options.random), undefined, { signal: this.#stop.signal });
      }
    }
    this.#running = this.#run(onChange);
    return this.#identity();
  }

  /** Does what is due. @returns whether the serving certificate is another one. */
  async look(): Promise<boolean> {
    const set = await this.#agree();
    const isFirst = this.#set === undefined;
    if (!isFirst && set.current.cert !== this.#set?.current.cert) {
      this.#options.log.info("the control plane's next authority is in use", {
        notAfter: new Date(set.current.notAfterMs).toISOString(),
      });
    }
    this.#set = set;
    return this.#renewServing(set);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(onChange: (identity: ServerIdentity) => void): Promise<void> {
    const { lookMs = LOOK_MS, random } = this.#options;
    for (;;) {
      await sleep(lookMs * (0.5 + random.nextFloat()), undefined, { signal: this.#stop.signal }).catch(
        () => {},
      );
      if (this.#stop.signal.aborted) return;
      try {
        if (await this.look()) onChange(this.#identity());
        this.#trouble = "";
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#say(error);
        // Without the API server, too, a replica goes on as long as its authority does.
        if (this.#set !== undefined && (await this.#renewServing(this.#set))) onChange(this.#identity());
      }
    }
  }

  /** Reads what is stored and stores what is due, until nobody else was faster. */
  async #agree(): Promise<AuthoritySet> {
    for (let tries = 0; ; tries++) {
      try {
        const [secret, bundle] = [await this.#read("secrets"), await this.#read("configmaps")];
        const { namespace, secretName } = this.#options;
        const stored =
          secret === undefined ? undefined : authoritiesOf(secret.data ?? {}, `${namespace}/${secretName}`);
        const published = bundle?.data?.[BUNDLE_KEY] ?? "";
        const set = await advanceAuthorities(
          stored,
          this.#nowMs(),
          this.#times,
          (cert) => published.includes(cert.trim()),
          () => this.#issueAuthority(),
        );
        if (set !== stored) await this.#write("secrets", secret, { type: "Opaque", data: secretDataOf(set) });
        const wanted = bundleOf(set);
        if (wanted !== published) await this.#write("configmaps", bundle, { data: { [BUNDLE_KEY]: wanted } });
        return set;
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 409 || tries >= MOST_CONFLICTS) throw error;
      }
    }
  }

  async #issueAuthority(): Promise<Authority> {
    const nowMs = this.#nowMs();
    const validity = { notBeforeMs: nowMs, notAfterMs: nowMs + this.#times.authorityLifeMs };
    const issued = await issueAuthority("Isobar control plane", validity);
    return { ...issued, ...validityOf(issued.cert, "the new authority") };
  }

  async #renewServing({ current }: AuthoritySet): Promise<boolean> {
    const nowMs = this.#nowMs();
    const serving = this.#serving;
    if (serving !== undefined && serving.signer === current.cert && nowMs < renewalMs(serving)) return false;
    const notAfterMs = Math.min(nowMs + this.#times.servingLifeMs, current.notAfterMs);
    const issued = await issueServerCertificate(current, this.#options.names, {
      notBeforeMs: nowMs,
      notAfterMs,
    });
    const validity = { notBeforeMs: nowMs, notAfterMs };
    this.#serving = { ...issued, ...validity, signer: current.cert };
    this.#options.log.debug("a serving certificate has been issued", {
      notAfter: new Date(notAfterMs).toISOString(),
    });
    return true;
  }

  #identity(): ServerIdentity {
    const { cert, key } = this.#serving!;
    return { cert, key, clientCa: this.#options.clientCa };
  }

  async #read(plural: Plural): Promise<StoredObject | undefined> {
    try {
      return (await this.#options.api.get(this.#path(plural, true), {
        signal: this.#stop.signal,
      })) as StoredObject;
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  /** Creates it, or replaces what was read; if somebody else was faster the API server says 409. */
  async #write(plural: Plural, read: StoredObject | undefined, content: object): Promise<void> {
    const { api, namespace } = this.#options;
    const name = this.#nameOf(plural);
    const kind = plural === "secrets" ? "Secret" : "ConfigMap";
    const metadata = {
      labels: { "app.kubernetes.io/part-of": "isobar" },
      ...read?.metadata,
      namespace,
      name,
    };
    const object = { apiVersion: "v1", kind, metadata, ...content };
    const signal = this.#stop.signal;
    if (read === undefined) await api.write("POST", this.#path(plural, false), object, { signal });
    else await api.write("PUT", this.#path(plural, true), object, { signal });
    this.#options.log.info("the control plane's authority has been written", { kind, namespace, name });
  }

  #path(plural: Plural, withName: boolean): string {
    const all = `/api/v1/namespaces/${this.#options.namespace}/${plural}`;
    return withName ? `${all}/${this.#nameOf(plural)}` : all;
  }

  #nameOf(plural: Plural): string {
    return plural === "secrets" ? this.#options.secretName : this.#options.bundleName;
  }

  /** Once for each kind of trouble. */
  #say(error: unknown): void {
    const trouble = error instanceof Error ? error.message : String(error);
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.log.error(
      "the control plane's authority cannot be looked after; what there is stays in use",
      {
        error: trouble,
        advice: "it needs its Secret and its ConfigMap: docs/security.md has the permissions",
      },
    );
  }
}

type Plural = "secrets" | "configmaps";
