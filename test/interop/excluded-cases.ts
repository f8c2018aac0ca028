import type { StackName } from "./harness/stack.ts";

const CLOUD = "signs in at a cloud provider, which takes its machines or an account's key";

/** Test cases that are not run, with the reason. */
export const EXCLUDED_CASES: Readonly<Record<string, string>> = {
  compute_engine_creds: CLOUD,
  compute_engine_channel_credentials: CLOUD,
  google_default_credentials: CLOUD,
  jwt_token_creds: CLOUD,
  oauth2_auth_token: CLOUD,
  per_rpc_creds: CLOUD,
  service_account_creds: CLOUD,
};

/** A case that a server cannot pass, proxy or not. It is run both ways and has to fail alike. */
export interface LackingCase {
  readonly client: StackName;
  readonly servers: readonly StackName[];
  /** What the server lacks. */
  readonly reason: string;
  /** What the client says of it. */
  readonly says: RegExp;
}

/** Cases that the runners' own servers do not implement. */
export const LACKING_CASES: Readonly<Record<string, readonly LackingCase[]>> = {
  cacheable_unary: [
    {
      client: "java",
      servers: ["go", "java"],
      reason: "no gRPC server has the method: it is for a cache on the way that answers GET",
      says: /UNIMPLEMENTED: .*CacheableUnaryCall/i,
    },
  ],
  client_compressed_unary: [
    {
      client: "java",
      servers: ["go", "java"],
      reason: "neither server refuses the uncompressed message that claims to be compressed; _noprobe runs",
      says: /expected INVALID_ARGUMENT/,
    },
  ],
  client_compressed_streaming: [
    {
      client: "java",
      servers: ["go", "java"],
      reason: "neither server refuses the uncompressed message that claims to be compressed; _noprobe runs",
      says: /expected INVALID_ARGUMENT/,
    },
  ],
  client_compressed_unary_noprobe: [
    {
      client: "java",
      servers: ["go"],
      reason: "the server is built without gzip",
      says: /Decompressor is not installed/,
    },
  ],
  client_compressed_streaming_noprobe: [
    {
      client: "java",
      servers: ["go"],
      reason: "the server is built without gzip",
      says: /Decompressor is not installed/,
    },
  ],
  very_large_request: [
    {
      client: "java",
      servers: ["go"],
      reason: "the server takes messages of 4 MiB at most",
      says: /RESOURCE_EXHAUSTED: grpc: received message larger than max/,
    },
  ],
  pick_first_unary: [
    {
      client: "go",
      servers: ["go", "java"],
      reason: "neither server tells its name, which the client wants to compare",
      says: /got empty server ID/,
    },
  ],
};
