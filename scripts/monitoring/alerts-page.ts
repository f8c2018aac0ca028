import type { Alert } from "./alerts.ts";
import { CONTROL_PLANE_ALERTS, NODE_ALERTS, SERVICE_ALERTS } from "./alerts.ts";
import { DEFAULT_OBJECTIVES, RECORDING_RULES } from "./recording-rules.ts";

const HEAD = `<!-- Generated from scripts/monitoring by scripts/gen-monitoring.ts; edit those, not this page. -->

# Alerts and what to do

\`deploy/monitoring\` has recording rules and alerts as a rules file of Prometheus (\`rules.yaml\`) and the same as a PrometheusRule of the
Prometheus Operator (\`prometheus-rule.yaml\`), and dashboards for Grafana. Every alert is tried by \`promtool\` with series that make it fire and series
that do not. Rules name two jobs: \`isobar-proxy\` and \`isobar-control-plane\`, as the ServiceMonitors of \`deploy/components/monitoring\` make them.

\`\`\`sh
kubectl apply -k deploy/overlays/monitoring                     # with the Prometheus Operator
promtool check rules deploy/monitoring/rules.yaml               # else: rule_files of prometheus.yml
\`\`\`

## Thresholds

A service's own promise counts: \`slo\` of its [TrafficPolicy](kubernetes.md#trafficpolicy), which the control plane shows as \`isobar_slo_…\`. Where nothing is said:

| key | default | alert |
|---|---|---|
| \`slo.p95\` | ${DEFAULT_OBJECTIVES.p95Seconds * 1000} ms | [IsobarLatencyP95](#isobarlatencyp95); the mean of a service without it: [IsobarLatencyMean](#isobarlatencymean), ${DEFAULT_OBJECTIVES.meanSeconds * 1000} ms |
| \`slo.errorRate\` | ${DEFAULT_OBJECTIVES.errorRatio * 100} % | [IsobarErrorRate](#isobarerrorrate) |
| \`slo.success\` | ${DEFAULT_OBJECTIVES.successRatio * 100} %, that is errors below ${((1 - DEFAULT_OBJECTIVES.successRatio) * 100).toFixed(1)} % | [IsobarSLOBurnFast](#isobarsloburnfast), [IsobarSLOBurnSlow](#isobarsloburnslow) |

Failed is what ends in UNAVAILABLE, INTERNAL, UNKNOWN or DATA_LOSS. Other thresholds are starting points; none has been tuned on a production cluster.

\`\`\`yaml
apiVersion: isobar.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: ledger, namespace: payments }
spec:
  targetRefs: [{ name: ledger }]
  slo: { p95: 400ms, errorRate: 0.005, success: 0.9995 }
\`\`\`
`;

const AUTOSCALING = `
## Autoscaling

Calls in flight say how busy Pods are before CPU does, and for work that waits rather than computes. \`deploy/monitoring/autoscaling\` has a rule for
prometheus-adapter with a HorizontalPodAutoscaler that uses it, and the same for KEDA; both have \`promtool\` evaluate their query in a test, neither was run with its controller
here. The target is what a Pod serves at a time × 0.7 to 0.8. \`isobar simulate FILE --size\` says how many Pods that takes ([simulate](simulate.md)).
`;

/** @returns the text of docs/alerts.md. */
export function alertsPage(): string {
  const sections = [
    ["Services", SERVICE_ALERTS],
    ["Nodes", NODE_ALERTS],
    ["Control plane", CONTROL_PLANE_ALERTS],
  ] as const;
  const alerts = sections.map(([title, list]) => `## ${title}\n\n${list.map(section).join("\n")}`);
  const rules = RECORDING_RULES.map(({ record, doc }) => `| \`${record}\` | ${doc} |`).join("\n");
  const recording = `## Recording rules\n\n| series | what it is |\n|---|---|\n${rules}\n`;
  return `${HEAD}\n${alerts.join("\n")}\n${recording}${AUTOSCALING}`;
}

function section({ name, severity, for: duration, meaning, steps }: Alert): string {
  const after = duration === "0m" ? "at once" : `after ${duration}`;
  const list = steps.map((step, i) => `${i + 1}. ${step}`).join("\n");
  return `### ${name}\n\n${severity}, ${after}. ${meaning}\n\n${list}\n`;
}
