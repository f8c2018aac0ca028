import { stringify } from "yaml";
import { ECHO_AUTHORITY } from "./echo-service.ts";

/** A backend as the demo's control plane is told of it. */
export interface ListedBackend {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly zone: string;
}

/** @returns the services that the demo's control plane serves, as YAML. */
export function servicesYaml(backends: readonly ListedBackend[]): string {
  return stringify({
    clusters: [
      {
        name: ECHO_AUTHORITY,
        loadBalancer: { policy: "least_request" },
        endpoints: backends.map(({ port, zone }) => ({ address: `127.0.0.1:${port}`, zone })),
      },
    ],
  });
}
