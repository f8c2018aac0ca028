import { join } from "node:path";
import type {
  ClientReadableStream,
  ServiceClientConstructor,
  ServiceDefinition,
  ServiceError,
} from "@grpc/grpc-js";
import { credentials, loadPackageDefinition, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PROTO } from "../../clients/harness/paths.ts";

/** The Echo service of echo.proto for grpc-js, fields named as there. */
export interface EchoClient {
  unary(request: object, metadata: Metadata, done: (error: ServiceError | null) => void): void;
  serverStream(request: object, metadata?: Metadata): ClientReadableStream<{ index: number }>;
  close(): void;
}

const loaded = loadPackageDefinition(loadSync(join(PROTO, "echo.proto"), { keepCase: true, defaults: true }));
const { isobar } = loaded as unknown as { isobar: { test: { Echo: ServiceClientConstructor } } };
const { Echo } = isobar.test;

export const ECHO_SERVICE: ServiceDefinition = Echo.service;

/** @returns a client with a connection of its own and grpc-js's defaults. */
export function echoClient(target: string, authority: string): EchoClient {
  return new Echo(target, credentials.createInsecure(), {
    "grpc.default_authority": authority,
    "grpc.use_local_subchannel_pool": 1,
  }) as unknown as EchoClient;
}

/** @returns what a unary call failed with, null for nothing. */
export function callUnary(
  client: EchoClient,
  id: string,
  delayMs: number,
  metadata: Metadata = new Metadata(),
): Promise<ServiceError | null> {
  return new Promise((resolve) => {
    client.unary({ payload: Buffer.alloc(100), call_id: id, delay_ms: delayMs }, metadata, resolve);
  });
}
