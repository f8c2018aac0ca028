import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { SeededRandom } from "../../base/random.ts";
import { readTokenFile } from "../../config/read-token-file.ts";
import { systemErrorText } from "../../config/system-error-text.ts";
import type { Log } from "../../telemetry/log.ts";
import { VERSION } from "../../telemetry/version.ts";
import { GrpcAdsTransport } from "../../xds/client/grpc-ads-transport.ts";
import type { IdentitySource } from "../trust/identity-source.ts";
import type { PeerAddress, ReplicaPeersOptions } from "./replica-peers.ts";
import { ReplicaPeers } from "./replica-peers.ts";

/** Where the other replicas are, and how this one shows them who it is. */
export interface PeerFlags {
  readonly addresses: readonly PeerAddress[];
  /** A ServiceAccount token of the control plane's own for the audience `isobar`; undefined: none is shown. */
  readonly tokenFile: string | undefined;
  /** Authorities that replicas' certificates have to be of, PEM; undefined: the control plane's own, or else the system's. */
  readonly caFile: string | undefined;
}

/** @param identity undefined: replicas serve in clear text, as this one does. */
export function openPeers(
  { addresses, tokenFile, caFile }: PeerFlags,
  identity: IdentitySource | undefined,
  { replica, onLoads, log }: Pick<ReplicaPeersOptions, "replica" | "onLoads"> & { readonly log: Log },
): ReplicaPeers {
  const ca = (): string => (caFile === undefined ? identity!.bundle : readCa(caFile));
  const token = (): string => (tokenFile === undefined ? "" : readToken(tokenFile));
  return new ReplicaPeers({
    addresses,
    transport: (serverName) =>
      new GrpcAdsTransport(
        () =>
          identity === undefined
            ? undefined
            : { ca: ca(), cert: "", key: "", serverName, subjectAltNames: [] },
        token,
        false,
      ),
    node: { id: hostname(), region: "", zone: "", userAgentVersion: VERSION },
    replica,
    onLoads,
    log,
    random: new SeededRandom(process.pid ^ Date.now()),
  });
}

/** Read for each connection, as kubelets renew it. */
function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`--peer-ca-file: found ${file}: ${systemErrorText(error)}, wanted authorities (PEM)`);
  }
}

function readToken(file: string): string {
  const read = readTokenFile(file);
  if (read.problem === undefined) return read.token;
  throw new Error(`--peer-token-file: found ${file}: ${read.problem}, wanted a ServiceAccount token`);
}
