import { AttemptOutcome } from "../../lb/outlier/attempt-outcome.ts";
import { ClusterColumn } from "../../telemetry/cluster-counters.ts";
import type { Subchannel } from "../../upstream/subchannel.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { httpErrorBits, outcomeOfHttp } from "../http-outcome.ts";
import { takeReportFields } from "../load-reports/take-report-fields.ts";
import { noteConnectFailure } from "../note-connect-failure.ts";
import type { ProxyContext } from "../proxy-context.ts";

/**
 * A picked endpoint, in flight from the pick until {@link release}. It keeps the endpoint's slot and its cluster from being
 * given to others, also when both are removed meanwhile.
 */
export class EndpointLease {
  /** The endpoint's process-wide slot. */
  readonly slot: number;
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly zone: string;
  /** Whether the endpoint is in the node's own zone. */
  readonly sameZone: boolean;
  /** How long the connection may take to come about. */
  readonly connectTimeoutMs: number;
  readonly clusterSlot: number;
  readonly cluster: ClusterRuntime;
  readonly #context: ProxyContext;
  readonly #subchannel: Subchannel;
  #released = false;
  readonly #beganMs: number;

  constructor(context: ProxyContext, cluster: ClusterRuntime, subchannel: Subchannel) {
    const { options } = subchannel;
    this.#context = context;
    this.#subchannel = subchannel;
    this.#beganMs = context.time.nowMs;
    this.cluster = cluster;
    this.slot = options.slot;
    this.address = options.address;
    this.port = options.port;
    this.zone = options.zone;
    this.sameZone = options.sameZone;
    this.connectTimeoutMs = options.connectTimeoutMs;
    this.clusterSlot = options.clusterSlot;
    cluster.exchanges++;
    subchannel.pin();
    const { endpoints, endpointRow } = context;
    endpoints.inFlight[endpointRow + this.slot]!++;
    endpoints.requests[endpointRow + this.slot]!++;
    cluster.row[ClusterColumn.attempts]!++;
  }

  /** The endpoint could be connected to: it is no longer set aside. */
  connected(): void {
    this.#subchannel.dialled(true);
  }

  /**
   * The endpoint could not be connected to: it is set aside for a while, unless other connections to it stand.
   *
   * @param error what the transport was closed with, undefined when its time was up.
   */
  connectFailed(error: Error | undefined): void {
    const { endpoints, endpointRow } = this.#context;
    endpoints.errors[endpointRow + this.slot]!++;
    noteConnectFailure(this.#context, this.cluster, this, error);
    this.#subchannel.dialled(false);
  }

  /**
   * Keeps the load that the endpoint reports with an answer in HTTP/1.1, where the cluster asks for that.
   *
   * @param fields of the answer, and `asked` of the request: names in lower case and values by turns.
   * @returns the fields that the client gets.
   */
  takeReport(fields: string[], asked: readonly string[]): string[] {
    return takeReportFields(this.#context, this.cluster, this.slot, fields, asked);
  }

  /** The endpoint has answered a request of HTTP/1.1: what outlier detection goes by, as attemptEnded is for HTTP/2. */
  answered(status: number): void {
    const { outliers, endpoints, endpointRow, time, tick } = this.#context;
    tick();
    const bits = status < 500 ? 0 : httpErrorBits(status);
    if (bits === 0) {
      outliers.succeeded(this.clusterSlot, this.slot, time.nowMs - this.#beganMs, time.nowMs);
      return;
    }
    endpoints.errors[endpointRow + this.slot]!++;
    if (outcomeOfHttp(bits) === AttemptOutcome.error) outliers.erred(this.clusterSlot, this.slot, time.nowMs);
    else outliers.failed(this.clusterSlot, this.slot, false, time.nowMs);
  }

  /** The endpoint had the request and has not answered it. */
  failed(): void {
    const { outliers, endpoints, endpointRow, time, tick } = this.#context;
    tick();
    endpoints.errors[endpointRow + this.slot]!++;
    outliers.failed(this.clusterSlot, this.slot, false, time.nowMs);
  }

  /** Ends the lease. Called once; a second time changes nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    const { endpoints, endpointRow } = this.#context;
    endpoints.inFlight[endpointRow + this.slot]!--;
    this.#subchannel.unpin();
    if (--this.cluster.exchanges === 0) this.#context.releaseCluster(this.clusterSlot);
  }
}
