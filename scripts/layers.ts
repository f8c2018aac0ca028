/** A folder of src and what is allowed in it. */
export interface Layer {
  readonly folder: string;
  /** One sentence: what it knows. */
  readonly knows: string;
  /**
   * Whether it is free of the outside world: no module of Node, no package, no clock, no chance, no timer. What it needs
   * of these comes in as an argument, so that it can be tested, fuzzed and replayed.
   */
  readonly pure: boolean;
}

/**
 * The folders of src in the order of knowledge: each imports only from itself and from those above it in this table.
 * ARCHITECTURE.md shows the same table; a test holds the two together.
 */
export const LAYERS: readonly Layer[] = [
  {
    folder: "base",
    knows: "Memory, clocks, chance, budgets and lists that belong to no protocol.",
    pure: true,
  },
  { folder: "h2", knows: "HTTP/2 and HPACK for both roles, on octet ranges.", pure: true },
  { folder: "grpc", knows: "What gRPC adds to HTTP/2: status codes and how resets map to them.", pure: true },
  {
    folder: "resource",
    knows: "The immutable vocabulary: cluster, endpoint, snapshot, and the slots endpoints keep.",
    pure: true,
  },
  { folder: "lb", knows: "How an endpoint is picked: candidates, loads, policies.", pure: true },
  { folder: "route", knows: "Which cluster a request is for.", pure: true },
  {
    folder: "sim",
    knows: "Fleets, endpoints and traffic in virtual time, around the pickers of lb.",
    pure: true,
  },
  {
    folder: "telemetry",
    knows: "Counters in shared memory, the metrics made of them, the log and the access log.",
    pure: false,
  },
  {
    folder: "kube",
    knows: "The Kubernetes API: what is kept of its objects, and how they are listed, watched and written.",
    pure: false,
  },
  {
    folder: "net",
    knows: "Sockets and the turns of the event loop; no other folder touches a socket of the data path.",
    pure: false,
  },
  {
    folder: "upstream",
    knows: "Connections to one endpoint: dialling, capacity, back-off, resets.",
    pure: false,
  },
  {
    folder: "health",
    knows: "Which endpoints are sick: active checks, and what the main thread does about outliers.",
    pure: false,
  },
  {
    folder: "proxy",
    knows: "The data path: accept, route, pick, forward, move, finish, drain.",
    pure: false,
  },
  {
    folder: "http1",
    knows: "HTTP/1.1 request by request, and gRPC-Web: strict parsing, and the way to endpoints.",
    pure: false,
  },
  {
    folder: "config",
    knows: "The configuration file: schema, defaults, checks and their messages.",
    pure: false,
  },
  { folder: "discovery", knows: "Where endpoints come from: the file and DNS.", pure: false },
  {
    folder: "xds",
    knows: "Services as resources of xDS, to octets and back, and the protocol's two sides.",
    pure: false,
  },
  {
    folder: "sdk",
    knows:
      "The client that programs have within them: resolver and balancer of grpc-js, with the proxy's pickers.",
    pure: false,
  },
  {
    folder: "controller",
    knows: "What Kubernetes objects mean: services with their endpoints, settings and routes.",
    pure: false,
  },
  {
    folder: "audit",
    knows: "What the control plane knew and whom it told: records, their files, and how they are read.",
    pure: false,
  },
  { folder: "admin", knows: "The HTTP servers for people and for Prometheus.", pure: false },
  {
    folder: "daemon",
    knows: "The composition root: builds everything from a configuration, and is the only one that reads it.",
    pure: false,
  },
  {
    folder: "control-plane",
    knows: "The control plane's composition root: a source of services, served over xDS.",
    pure: false,
  },
  {
    folder: "capture",
    knows: "The node's table that leads pods' connections to its proxies; a process of its own.",
    pure: false,
  },
  {
    folder: "demo",
    knows: "The demo's backends, clients and live view; the proxy does not load it.",
    pure: false,
  },
  {
    folder: "cli",
    knows: "Commands, exit codes, and the launcher that refuses a Node that is too old.",
    pure: false,
  },
];

/** Files of pure folders that may touch one thing of the outside world, because the others get it from them. */
export const PURE_EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  // The clock that is handed to everybody else has to come from somewhere.
  "src/base/clock.ts": ["performance"],
};

/** Longest hand-written file, in lines. */
export const MAX_LINES = 400;

/** File names that say nothing about what is inside. */
export const BANNED_NAMES: readonly RegExp[] = [
  /^(index|types|manager)$/,
  /(^|-)(utils?|helpers?|common|misc)$/,
];
