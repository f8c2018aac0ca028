import { AUTHORITY, CONNECT_TIMEOUT_MS, KEEPALIVE, REQUEST_TIMEOUT_MS } from "./limits.ts";

/** One way to configure Isobar: keys of a cluster, beside its name and endpoints. */
export interface IsobarVariant {
  readonly name: string;
  readonly cluster: object;
}

/** What docs/health.md recommends where endpoints may be unwell; one configuration for all rows. */
const RECOMMENDED = {
  loadBalancer: { policy: "least_request", metric: "peak_ewma", slowStart: { windowMs: 60_000 } },
  outlierDetection: {},
};

/** The same by streams in flight alone, to be seen beside it. */
const BY_STREAMS = {
  ...RECOMMENDED,
  loadBalancer: { ...RECOMMENDED.loadBalancer, metric: "in_flight" },
};

const RETRIES = {
  attempts: 3,
  perTryTimeout: "250ms",
  retryOn: "connect-failure,refused-stream,reset,unavailable",
};

export const ISOBAR_PLAIN: readonly IsobarVariant[] = [{ name: "isobar", cluster: RECOMMENDED }];

export const ISOBAR_NEW: readonly IsobarVariant[] = [
  ...ISOBAR_PLAIN,
  { name: "isobar in_flight", cluster: BY_STREAMS },
];

export const ISOBAR_RETRYING: readonly IsobarVariant[] = [
  { name: "isobar retry", cluster: { ...RECOMMENDED, retries: RETRIES } },
];

/** Isobar's configuration with that cluster. JSON is YAML. */
export function isobarConfig(
  ports: { readonly listener: number; readonly admin: number },
  { cluster }: IsobarVariant,
  addresses: readonly string[],
): object {
  return {
    node: { id: "beside" },
    admin: { address: `127.0.0.1:${ports.admin}` },
    listeners: [{ name: "local", address: `127.0.0.1:${ports.listener}` }],
    clusters: [
      {
        name: AUTHORITY,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        keepalive: KEEPALIVE,
        timeouts: { request: `${REQUEST_TIMEOUT_MS}ms` },
        ...cluster,
        endpoints: addresses.map((address) => ({ address })),
      },
    ],
  };
}
