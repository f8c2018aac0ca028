import * as ownGrpc from "@grpc/grpc-js";
import { encodePickDump } from "../lb/record/pick-dump.ts";
import type { ClientOptions } from "./client-options.ts";
import type { ExplainedClient } from "./explain-services.ts";
import { explainServices } from "./explain-services.ts";
import type { GrpcModule } from "./grpc-module.ts";
import { readClientSettings } from "./read-client-settings.ts";
import { registerWith } from "./register-with.ts";
import { ServiceDirectory } from "./service-directory.ts";

export type { ClientOptions } from "./client-options.ts";
export type {
  ExplainedClient,
  ExplainedCluster,
  ExplainedEndpoint,
  ExplainedPick,
  ExplainedService,
} from "./explain-services.ts";
export type { GrpcModule } from "./grpc-module.ts";

let options: ClientOptions = {};
let directory: ServiceDirectory | undefined;

function theDirectory(): ServiceDirectory {
  directory ??= new ServiceDirectory(readClientSettings(options, process.env));
  return directory;
}

/**
 * Sets how services are found; before the first channel is used. What is not given comes from the environment.
 *
 * @throws TypeError or RangeError that says what is wrong; Error when channels are in use already.
 */
export function configure(given: ClientOptions): void {
  if (directory !== undefined)
    throw new Error(
      "isobar: configure() came after the first call, wanted it before: call it where the program starts",
    );
  readClientSettings(given, process.env);
  options = given;
}

/**
 * Teaches a copy of `@grpc/grpc-js` the scheme `isobar:`. Importing this module does so for the copy that it finds itself; a program with another
 * one hands it over.
 */
export function register(grpc: GrpcModule): void {
  registerWith(grpc, theDirectory);
}

/**
 * Says what this process knows of the services it calls, and why calls go where they go.
 *
 * @param service only of this one, such as `greeter.default:50051`; default all.
 * @param last recorded picks at most; default 20. There are some where `explainSample` is above 0.
 */
export function explain(service = "", last = 20): ExplainedClient {
  return explainServices(theDirectory(), service.toLowerCase(), last);
}

/** @returns the recorded picks as a file that `isobar explain --replay` makes again. */
export function recordedPicks(): Uint8Array {
  const { recorder, clock } = theDirectory();
  return encodePickDump([{ worker: 0, nowMs: clock.nowMs(), wallMs: Date.now(), ...recorder.all() }]);
}

/** Ends the connection with the control plane, and writes the snapshot. Afterwards {@link configure} may be called again, for new channels. */
export async function close(): Promise<void> {
  const closed = directory;
  directory = undefined;
  await closed?.close();
}

register(ownGrpc);
