import type { Alert } from "./alerts.ts";
import { CONTROL_PLANE_ALERTS, NODE_ALERTS, SERVICE_ALERTS } from "./alerts.ts";
import { RECORDING_RULES } from "./recording-rules.ts";

/** @returns the groups of rules, as a rules file of Prometheus and a PrometheusRule have them. */
export function ruleGroups(): readonly object[] {
  return [
    { name: "isobar.recording", rules: RECORDING_RULES.map(({ record, expr }) => ({ record, expr })) },
    { name: "isobar.services", rules: SERVICE_ALERTS.map(alertRule) },
    { name: "isobar.nodes", rules: NODE_ALERTS.map(alertRule) },
    { name: "isobar.control-plane", rules: CONTROL_PLANE_ALERTS.map(alertRule) },
  ];
}

function alertRule({ name, expr, for: duration, severity, summary, meaning }: Alert): object {
  return {
    alert: name,
    expr,
    ...(duration === "0m" ? {} : { for: duration }),
    labels: { severity },
    annotations: {
      summary,
      description: meaning.replaceAll("`", ""),
      // A path in this repository: whoever publishes the pages puts their address before it.
      runbook: `docs/alerts.md#${name.toLowerCase()}`,
    },
  };
}
