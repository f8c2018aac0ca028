import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where things are and which ports they use. All ports are on loopback and below the ephemeral range. */
export const places = {
  root,
  /** The build is measured, because the build is what ships. */
  launcher: `${root}dist/cli/launch.mjs`,
  load: `${root}bench/load`,
  peers: `${root}bench/peers`,
  goBackend: `${root}bench/go-backend`,
  /** Built programs; ignored by git, safe to delete. */
  built: `${root}node_modules/.cache/bench`,
  envoy: `${root}node_modules/.cache/bench/envoy/bin/envoy`,
  /** The name clients call, which selects the cluster. */
  authority: "echo.default.svc.cluster.local:50051",
  ports: {
    isobar: 18100,
    envoy: 18101,
    haproxy: 18102,
    nghttpx: 18103,
    isobarRightPick: 18104,
    isobarToGo: 18108,
    nginx: 18105,
    "node-http2": 18106,
    "grpc-js": 18107,
    isobarMtls: 18110,
    envoyMtls: 18111,
    /** The first of a row of variants. */
    isobarVariants: 18120,
    isobarWorkers: [18140, 18141],
    isobarExplain: 18142,
    isobarClasses: 18143,
    isobarMetrics: 18300,
    isobarAdmin: 18301,
    backends: [18201, 18202, 18203],
    /** The same servers again, which stand in another zone where a configuration has zones. */
    farBackends: [18204, 18205, 18206],
    goBackend: 18211,
    tlsBackends: [18221, 18222, 18223],
  },
} as const;
