import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Flags {
  readonly address: Address;
  readonly limit: number;
  readonly required?: boolean;
}

/** Where callers reach their node's proxy, the same on every node. */
const DOOR = "169.254.77.1:15001";
const MAX_LIMIT_S = 300;

/**
 * Adds `isobar wait`: the init container by which a Pod does not start before its connections are captured. It loads next to nothing, since every
 * Pod start waits for it.
 */
export function addWaitCommand(program: Command): void {
  program
    .command("wait")
    .summary("wait until this Pod's connections are captured")
    .description(
      "Asks the node's proxy until it captures this Pod's connections, or says that it will not. When the limit is over the Pod starts all the same, with a line that says so.",
    )
    .addOption(
      new Option("--address <address>", "where the node's proxy is reached, ip:port")
        .argParser(parseAddress)
        .default(parseAddress(DOOR), DOOR),
    )
    .option("--limit <seconds>", `how long it waits, 1 to ${MAX_LIMIT_S}`, parseLimit, 5)
    .option("--required", "end with 69 when the limit is over: the Pod does not start uncaptured")
    .action(async ({ address, limit, required = false }: Flags) => {
      const { waitForCapture } = await import("./wait-for-capture.ts");
      const { outcome, text } = await waitForCapture(address, limit * 1_000);
      if (outcome !== "none") return console.log(`isobar wait: ${text}`);
      if (required) throw new ExitError(ExitCode.unavailable, `isobar wait: ${text}; wanted to be captured`);
      console.log(`isobar wait: ${text}; the Pod starts without the proxy`);
    });
}

function parseAddress(text: string): Address {
  const [, ipv6, host = ipv6, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new InvalidArgumentError(`Found "${text}", wanted ip:port or [ipv6]:port.`);
}

function parseLimit(text: string): number {
  const seconds = /^\d{1,3}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= MAX_LIMIT_S) return seconds;
  throw new InvalidArgumentError(`Found "${text}", wanted seconds from 1 to ${MAX_LIMIT_S}.`);
}
