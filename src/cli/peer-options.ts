import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { PeerFlags } from "../control-plane/peers/open-peers.ts";
import type { PeerAddress } from "../control-plane/peers/replica-peers.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";

/** What the command line says about other replicas. */
export interface PeerOptions {
  readonly peers?: readonly PeerAddress[];
  readonly peerTokenFile?: string;
  readonly peerCaFile?: string;
}

/** Adds the options about the other replicas. */
export function addPeerOptions(command: Command): Command {
  return command
    .option(
      "--peers <host:port>",
      "the other replicas: a name that has the addresses of all (this one may be among them), or one of them; may be repeated",
      peerAddress,
    )
    .option("--peer-token-file <file>", "a ServiceAccount token for the audience isobar, to show to them")
    .option(
      "--peer-ca-file <file>",
      "authorities of their certificates (PEM); default: the control plane's own authority",
    );
}

/** @returns undefined without other replicas. @throws ExitError where it is not clear what is meant. */
export function peerFlags({ peers, peerTokenFile, peerCaFile }: PeerOptions): PeerFlags | undefined {
  if (peers !== undefined) return { addresses: peers, tokenFile: peerTokenFile, caFile: peerCaFile };
  const useless = [
    ["--peer-token-file", peerTokenFile],
    ["--peer-ca-file", peerCaFile],
  ].find(([, value]) => value !== undefined);
  if (useless === undefined) return undefined;
  throw new ExitError(ExitCode.usage, `${useless[0]}: found it without --peers, wanted both or neither`);
}

function peerAddress(text: string, former: readonly PeerAddress[] = []): readonly PeerAddress[] {
  const [, bracketed, plain, digits = ""] =
    /^(?:\[([0-9a-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  if (host === "" || port < 1 || port > 65_535)
    throw new InvalidArgumentError(`Found "${text}", wanted host:port.`);
  return [...former, { host, port }];
}
