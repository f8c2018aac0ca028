import { createHash } from "node:crypto";
import { status } from "@grpc/grpc-js";
import type { ApiClient } from "../../kube/api-client.ts";
import { ApiError } from "../../kube/api-error.ts";
import type { Refusal } from "../../xds/server/admission.ts";
import type { ClientIdentity } from "./client-identity.ts";
import { clientIdentity } from "./client-identity.ts";

/** Whom tokens have to be for. */
export const TOKEN_AUDIENCE = "isobar";

/** Times and numbers of a {@link TokenReviewer}; tests shorten them. */
export const REVIEW_LIMITS = {
  /** How long an answer counts without asking again. */
  freshMs: 60_000,
  /** The same for a refusal: what is wrong may be mended soon, and whoever tries again and again is not to be the API server's burden. */
  refusedMs: 5_000,
  /** Answers that are remembered. */
  remembered: 10_000,
  /** Questions under way at once; the others wait. */
  atOnce: 16,
  waiting: 2_000,
  /** The API server has so long. */
  answerMs: 5_000,
};

const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const POD_NAME = "authentication.kubernetes.io/pod-name";
const POD_UID = "authentication.kubernetes.io/pod-uid";
/** Since Kubernetes 1.30. */
const NODE_NAME = "authentication.kubernetes.io/node-name";
/** What tokens count for that do not say until when they are good. */
const UNKNOWN_LIFE_MS = 600_000;
const MAX_WORDS = 300;

/** A TokenReview's answer, as far as it is read. Source: Kubernetes API, authentication/v1. */
interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly audiences?: readonly string[];
  readonly error?: string;
  readonly user?: {
    readonly username?: string;
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

interface Remembered {
  readonly answer: ClientIdentity | Refusal;
  readonly askedMs: number;
}

/**
 * Asks the API server whose a token is. What it said counts for a minute; while it is away what it once said counts for as long as the token is good,
 * and tokens that are new are not decided on.
 */
export class TokenReviewer {
  readonly #api: ApiClient;
  readonly #limits: typeof REVIEW_LIMITS;
  /** By the token's hash, the one asked for longest ago first. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #underWay = new Map<string, Promise<ClientIdentity | Refusal>>();
  readonly #queue: (() => void)[] = [];
  #asking = 0;

  constructor(api: ApiClient, limits: Partial<typeof REVIEW_LIMITS> = {}) {
    this.#api = api;
    this.#limits = { ...REVIEW_LIMITS, ...limits };
  }

  /** Answers that are remembered. */
  get remembered(): number {
    return this.#remembered.size;
  }

  /** @returns who the token's bearer is, or why it is refused. Never rejects. */
  async review(token: string): Promise<ClientIdentity | Refusal> {
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#remembered.get(key);
    if (known !== undefined && this.#isFresh(known)) return known.answer;
    let asking = this.#underWay.get(key);
    if (asking === undefined) {
      asking = this.#ask(key, token).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, asking);
    }
    return asking;
  }

  #isFresh({ answer, askedMs }: Remembered): boolean {
    const ageMs = performance.now() - askedMs;
    if ("code" in answer) return ageMs < this.#limits.refusedMs;
    return ageMs < this.#limits.freshMs && answer.expiresMs > Date.now();
  }

  async #ask(key: string, token: string): Promise<ClientIdentity | Refusal> {
    const { atOnce, waiting, answerMs } = this.#limits;
    if (this.#queue.length >= waiting) return unavailable("too many clients wait to be checked");
    if (this.#asking >= atOnce) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#asking++;
    try {
      const body = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token, audiences: [TOKEN_AUDIENCE] },
      };
      const signal = AbortSignal.timeout(answerMs);
      const path = "/apis/authentication.k8s.io/v1/tokenreviews";
      const review = await this.#api.write("POST", path, body, { signal });
      return this.#remember(key, judge(token, (review.status ?? {}) as ReviewStatus));
    } catch (error) {
      return this.#withoutAnswer(key, error);
    } finally {
      this.#asking--;
      this.#queue.shift()?.();
    }
  }

  /** The API server is away, or does not answer us: what is known goes on. */
  #withoutAnswer(key: string, error: unknown): ClientIdentity | Refusal {
    const known = this.#remembered.get(key)?.answer;
    if (known !== undefined && !("code" in known) && known.expiresMs > Date.now()) return known;
    if (error instanceof ApiError && error.code === 403) {
      return unavailable(
        "the control plane may not create TokenReviews: its ClusterRole lacks them (docs/security.md)",
      );
    }
    return unavailable("the API server does not answer");
  }

  #remember(key: string, answer: ClientIdentity | Refusal): ClientIdentity | Refusal {
    this.#remembered.delete(key);
    if (this.#remembered.size >= this.#limits.remembered) {
      for (const [oldest] of this.#remembered) {
        this.#remembered.delete(oldest);
        break;
      }
    }
    this.#remembered.set(key, { answer, askedMs: performance.now() });
    return answer;
  }
}

function judge(
  token: string,
  { authenticated, audiences = [], error = "", user = {} }: ReviewStatus,
): ClientIdentity | Refusal {
  const wanted = `wanted a ServiceAccount's token for the audience "${TOKEN_AUDIENCE}" that is valid now`;
  if (authenticated !== true || !audiences.includes(TOKEN_AUDIENCE)) {
    const found = authenticated === true ? "it is for another audience" : error || "it is not valid";
    return refused(`found a token that the API server refuses (${found.slice(0, MAX_WORDS)}), ${wanted}`);
  }
  const [, namespace, name] = ACCOUNT.exec(user.username ?? "") ?? [];
  if (namespace === undefined) return refused(`found a token of ${user.username ?? "nobody"}, ${wanted}`);
  const extra = (key: string): string => user.extra?.[key]?.[0] ?? "";
  const pod = extra(POD_NAME);
  return clientIdentity({
    account: `${namespace}/${name}`,
    names: [],
    pod: pod === "" ? undefined : { namespace, name: pod, uid: extra(POD_UID) },
    node: extra(NODE_NAME),
    expiresMs: expiryOf(token),
  });
}

/** The API server has found the token good; only its time is read here. Source: RFC 7519 §4.1.4. */
function expiryOf(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
      exp?: number;
    };
    if (typeof claims.exp === "number") return claims.exp * 1_000;
  } catch {
    // No JWT: tokens of other kinds say nothing of their time.
  }
  return Date.now() + UNKNOWN_LIFE_MS;
}

function refused(message: string): Refusal {
  return { code: status.UNAUTHENTICATED, reason: "token", message };
}

function unavailable(why: string): Refusal {
  const message = `the token cannot be checked now: ${why}; tokens that are known already stay good`;
  return { code: status.UNAVAILABLE, reason: "unavailable", message };
}
