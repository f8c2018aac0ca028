import { LoadReportReader } from "../../grpc/load-report-reader.ts";
import { ReportedWeights } from "../../lb/weights/reported-weights.ts";
import { wantsReports } from "../../lb/weights/wants-reports.ts";
import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { LoadReportRequest } from "../../upstream/load-report-stream.ts";
import { loadReportRequest } from "../../upstream/load-report-stream.ts";

/** What one worker does about the load that a cluster's endpoints report. */
export class ClusterReports {
  readonly snapshot: ClusterSnapshot;
  readonly reader: LoadReportReader;
  /** Reports in answers are read, and taken out unless the client wants them. */
  readonly perRequest: boolean;
  /** Interval of the reports asked for on streams of ours, in ms; 0: none are. */
  readonly outOfBandMs: number;
  /** The call that asks for them. */
  readonly request: LoadReportRequest;
  /** What the reports make of the endpoints' weights; undefined where that is not asked for. */
  readonly weights: ReportedWeights | undefined;
  /** When weights are next made anew. */
  weightsDueMs = 0;

  private constructor(snapshot: ClusterSnapshot, former: ClusterReports | undefined) {
    const { loadBalancing } = snapshot.settings;
    const { loadReports } = loadBalancing;
    this.snapshot = snapshot;
    this.reader = new LoadReportReader(loadReports.utilizationMetrics);
    this.outOfBandMs = loadReports.outOfBandMs;
    this.perRequest = loadReports.perRequest || (this.outOfBandMs === 0 && wantsReports(loadBalancing));
    this.request = loadReportRequest(snapshot.name, this.outOfBandMs, snapshot.tlsIdentity !== 0);
    this.weights = ReportedWeights.of(loadBalancing, former?.weights);
  }

  /**
   * @param former that of the cluster's last snapshot: what it knows of endpoints is kept.
   * @returns undefined when nothing of it is switched on.
   */
  static of(snapshot: ClusterSnapshot, former: ClusterReports | undefined): ClusterReports | undefined {
    const { loadBalancing } = snapshot.settings;
    const { perRequest, outOfBandMs } = loadBalancing.loadReports;
    if (!perRequest && outOfBandMs === 0 && !wantsReports(loadBalancing)) return undefined;
    return new ClusterReports(snapshot, former);
  }
}
