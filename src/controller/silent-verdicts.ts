import type { Verdicts } from "./verdicts.ts";

/** Says nothing: of another cluster's objects its own control plane says what is to be said. */
export const SILENT_VERDICTS: Verdicts = {
  onService: () => {},
  onCapture: () => {},
  onNamespace: () => {},
  onPod: () => {},
  onPodsOf: () => {},
  onPolicy: () => {},
  onRoute: () => {},
};
