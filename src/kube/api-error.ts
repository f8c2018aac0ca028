/** A Status as the API server answers with it. Source: Kubernetes API, meta/v1 Status. */
export interface RawStatus {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** The API server answered, but not with what was asked for. */
export class ApiError extends Error {
  /** HTTP status, or the code of a watch's ERROR event. */
  readonly code: number;
  /** Kubernetes' word for it, such as `Expired`; "" when there is none. */
  readonly reason: string;
  /** How long the server wants to be left alone, in ms; 0 when it does not say. */
  readonly retryAfterMs: number;
  /** Further reasons, such as `ResourceVersionTooLarge`. */
  readonly causes: readonly string[];

  constructor(what: string, status: RawStatus, retryAfterMs = 0) {
    super(`${what}: ${status.code ?? 0} ${status.reason ?? ""}: ${status.message ?? "no message"}`);
    this.name = "ApiError";
    this.code = status.code ?? 0;
    this.reason = status.reason ?? "";
    this.retryAfterMs = Math.max(retryAfterMs, (status.details?.retryAfterSeconds ?? 0) * 1_000);
    this.causes = (status.details?.causes ?? []).map(({ reason = "" }) => reason);
  }

  /** Whether a version that was asked for is not there any more, or not yet (a restored etcd): only a list helps. */
  get isExpired(): boolean {
    return (
      this.code === 410 ||
      this.reason === "Expired" ||
      this.reason === "Gone" ||
      this.causes.includes("ResourceVersionTooLarge")
    );
  }
}
