import { TIER_NAMES } from "../lb/candidate-set.ts";
import { EJECTION_REASONS } from "../lb/outlier/outlier-detector.ts";
import { HEALTH_CHECK_RESULTS } from "../resource/health-check.ts";
import { CIRCUIT_LIMIT_NAMES } from "./circuit-limit.ts";
import { ByteColumn, ClusterColumn } from "./cluster-counters.ts";
import { CODE_CLASS_NAMES } from "./code-class.ts";
import { DISCONNECT_REASON_NAMES } from "./disconnect-reason.ts";
import { GRPC_STATUS_NAMES } from "./grpc-status-name.ts";
import { LOAD_REPORT_LABELS } from "./load-report-labels.ts";
import type { MetricDefinition } from "./metric-catalog.ts";
import { METRIC } from "./metric-catalog.ts";
import { POLICY_REASON_NAMES } from "./policy-reason.ts";
import { requestCell } from "./request-cell.ts";
import { RESPONSE_FLAG_CODES } from "./response-flag.ts";
import { RETRY_REASON_NAMES } from "./retry-reason.ts";
import { RETRY_RESULT_NAMES } from "./retry-result.ts";
import type { Labels } from "./series.ts";
import { UNKNOWN_NAME } from "./source-names.ts";
import { TLS_FAILURE_NAMES } from "./tls-failure-names.ts";

/** Which series a counter column fills. */
export interface ColumnSeries {
  readonly metric: MetricDefinition;
  readonly column: number;
  /** The labels besides the destination. */
  readonly labels: Labels;
  /** Emitted, as 0, since the service's first attempt; the others appear with their first count, because most combinations never occur. */
  readonly fromStart: boolean;
}

/** Request counts by status and flag, of callers that are not known: the same cells in a cluster's row and a worker's. */
export const REQUEST_SERIES: readonly ColumnSeries[] = GRPC_STATUS_NAMES.flatMap((grpcStatus, status) =>
  RESPONSE_FLAG_CODES.map((responseFlag, flag) => ({
    metric: METRIC.requests,
    column: requestCell(status, flag),
    labels: { grpc_status: grpcStatus, src_namespace: UNKNOWN_NAME, response_flag: responseFlag },
    fromStart: false,
  })),
);

/** All series that are a cluster column as it stands. */
export const CLUSTER_SERIES: readonly ColumnSeries[] = [
  ...REQUEST_SERIES,
  always(METRIC.attempts, ClusterColumn.attempts),
  always(METRIC.streamsActive, ClusterColumn.streamsActive),
  always(METRIC.streamsQueued, ClusterColumn.streamsQueued),
  always(METRIC.upstreamConnections, ClusterColumn.upstreamConnections),
  always(METRIC.upstreamConnectFailures, ClusterColumn.upstreamConnectFailures),
  ...RETRY_REASON_NAMES.map((reason, i) => once(METRIC.retries, ClusterColumn.retries + i, { reason })),
  ...POLICY_REASON_NAMES.map((reason, i) =>
    once(METRIC.retries, ClusterColumn.policyRetries + i, { reason }),
  ),
  ...RETRY_RESULT_NAMES.map((result, i) =>
    once(METRIC.retryResults, ClusterColumn.retryResults + i, { result }),
  ),
  once(METRIC.perTryTimeouts, ClusterColumn.perTryTimeouts, {}),
  ...CIRCUIT_LIMIT_NAMES.map((limit, i) =>
    once(METRIC.circuitOverflows, ClusterColumn.circuitOverflows + i, { limit }),
  ),
  once(METRIC.connectionsReplaced, ClusterColumn.connectionsReplaced, {}),
  ...DISCONNECT_REASON_NAMES.map((reason, i) =>
    once(METRIC.upstreamDisconnects, ClusterColumn.upstreamDisconnects + i, {
      grpc_disconnect_error: reason,
    }),
  ),
  ...CODE_CLASS_NAMES.map((code_class, i) =>
    once(METRIC.http1Responses, ClusterColumn.http1Responses + i, { code_class }),
  ),
  ...TLS_FAILURE_NAMES.map((reason, i) =>
    once(METRIC.upstreamTlsFailures, ClusterColumn.upstreamTlsFailures + i, { reason }),
  ),
  ...TIER_NAMES.map((tier, i) => once(METRIC.tierPicks, ClusterColumn.tierPicks + i, { tier })),
  once(METRIC.subsetOverflows, ClusterColumn.subsetOverflows, {}),
  ...EJECTION_REASONS.map((reason, i) => once(METRIC.ejections, ClusterColumn.ejections + i, { reason })),
  once(METRIC.ejectionsRefused, ClusterColumn.ejectionsRefused, {}),
  ...HEALTH_CHECK_RESULTS.map((result, i) =>
    once(METRIC.healthChecks, ClusterColumn.healthChecks + i, { result }),
  ),
  bytes(ByteColumn.requestSameZone, "request", "same_zone"),
  bytes(ByteColumn.requestCrossZone, "request", "cross_zone"),
  bytes(ByteColumn.responseSameZone, "response", "same_zone"),
  bytes(ByteColumn.responseCrossZone, "response", "cross_zone"),
  ...LOAD_REPORT_LABELS.map((labels, i) => once(METRIC.loadReports, ClusterColumn.loadReports + i, labels)),
  once(METRIC.loadReportStreams, ClusterColumn.loadReportStreams, {}),
  once(METRIC.splicedActive, ClusterColumn.splicedConnections, {}),
  once(METRIC.splicedConnections, ClusterColumn.splicedConnectionsTotal, {}),
  splicedBytes(ByteColumn.requestSameZone, "request", "same_zone"),
  splicedBytes(ByteColumn.requestCrossZone, "request", "cross_zone"),
  splicedBytes(ByteColumn.responseSameZone, "response", "same_zone"),
  splicedBytes(ByteColumn.responseCrossZone, "response", "cross_zone"),
];

/** Gauges that are means over the workers, each of which has a view of its own; shown once one is not 0. */
export const CLUSTER_MEANS = [
  { metric: METRIC.spilledShare, column: ClusterColumn.spilledShare },
  { metric: METRIC.tierLoadRatio, column: ClusterColumn.loadRatio },
  { metric: METRIC.panic, column: ClusterColumn.panic },
  { metric: METRIC.candidates, column: ClusterColumn.candidates },
] as const;

/** The histograms of a cluster. */
export const CLUSTER_HISTOGRAMS = [
  { metric: METRIC.requestDuration, column: ClusterColumn.duration },
  { metric: METRIC.requestOverhead, column: ClusterColumn.overhead },
  { metric: METRIC.streamQueueTime, column: ClusterColumn.queueTime },
] as const;

function always(metric: MetricDefinition, column: number): ColumnSeries {
  return { metric, column, labels: {}, fromStart: true };
}

function once(metric: MetricDefinition, column: number, labels: Labels): ColumnSeries {
  return { metric, column, labels, fromStart: false };
}

function bytes(cell: number, direction: string, locality: string): ColumnSeries {
  return once(METRIC.bytes, ClusterColumn.bytes + cell, { direction, locality });
}

function splicedBytes(cell: number, direction: string, locality: string): ColumnSeries {
  return once(METRIC.splicedBytes, ClusterColumn.splicedBytes + cell, { direction, locality });
}
