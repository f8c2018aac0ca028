const KINDS = ["per_request", "out_of_band"] as const;
const RESULTS = ["used", "partial", "malformed"] as const;

/** Labels of the cells of ClusterColumn.loadReports: by how a report came, then by what became of it. */
export const LOAD_REPORT_LABELS: readonly { readonly kind: string; readonly result: string }[] =
  KINDS.flatMap((kind) => RESULTS.map((result) => ({ kind, result })));
