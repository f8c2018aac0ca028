/** One query of a panel. */
export interface Target {
  readonly expr: string;
  /** Grafana's legend format. */
  readonly legend: string;
}

/** A panel of a dashboard. */
export interface Panel {
  readonly title: string;
  /** Grafana's name of the unit. */
  readonly unit: "short" | "reqps" | "ops" | "percentunit" | "s" | "bytes" | "Bps";
  readonly targets: readonly Target[];
  /** Default: a graph over time. */
  readonly kind?: "stat" | "timeseries";
  /** What has to be there for it to show anything, beside a proxy and a control plane; default: nothing. */
  readonly needs?: "capture" | "kubernetes";
}

/** A variable that people choose a value of, by a query of label values. */
export interface Variable {
  readonly name: string;
  readonly query: string;
}

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
const GRID_WIDTH = 24;
const SIZES = { stat: { w: 6, h: 4 }, timeseries: { w: 12, h: 8 } } as const;

/** @returns a dashboard as Grafana 9 and later import it; the data source is a variable. */
export function grafanaDashboard(
  uid: string,
  title: string,
  panels: readonly Panel[],
  variables: readonly Variable[],
): object {
  let x = 0;
  let y = 0;
  let row = 0;
  const placed = panels.map(({ title: name, unit, targets, kind = "timeseries", needs }, index) => {
    const { w, h } = SIZES[kind];
    if (x + w > GRID_WIDTH || (row !== h && x > 0)) {
      x = 0;
      y += row;
    }
    row = h;
    const gridPos = { x, y, w, h };
    x += w;
    return {
      id: index + 1,
      type: kind,
      title: name,
      ...(needs === undefined ? {} : { description: `There where ${NEEDS[needs]}.` }),
      datasource: DATASOURCE,
      gridPos,
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: targets.map(({ expr, legend }, i) => {
        return { refId: String.fromCharCode(65 + i), datasource: DATASOURCE, expr, legendFormat: legend };
      }),
    };
  });
  return {
    uid,
    title,
    tags: ["isobar"],
    schemaVersion: 37,
    editable: true,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus" },
        ...variables.map(({ name, query }) => {
          return { name, type: "query", datasource: DATASOURCE, query, refresh: 2, sort: 1 };
        }),
      ],
    },
    panels: placed,
  };
}

const NEEDS = {
  capture: "pods of the node are captured",
  kubernetes: "a Kubernetes cluster is read",
} as const;
