import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials } from "@grpc/grpc-js";
import type { ControlPlaneTls } from "../../../src/xds/client/grpc-ads-transport.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { freePorts } from "../../support/free-ports.ts";

const LIMIT_MS = 30_000;

/** How the proxy shows who it is. */
export interface ProxyProof {
  readonly node: string;
  readonly token?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** `isobar proxy` as its DaemonSet starts it, with its log. */
export class TrustedProxy implements AsyncDisposable {
  readonly #child: Child;
  readonly #folder: string;
  readonly #address: string;

  private constructor(child: Child, folder: string, address: string) {
    this.#child = child;
    this.#folder = folder;
    this.#address = address;
  }

  /** @param controlPlane `ip:port`. */
  static async start(controlPlane: string, tls: ControlPlaneTls, proof: ProxyProof): Promise<TrustedProxy> {
    const folder = mkdtempSync(join(tmpdir(), "isobar-trust-"));
    const [admin, port] = await freePorts(2);
    const { node, token, certFile, keyFile } = proof;
    writeFileSync(join(folder, "ca.crt"), tls.ca);
    if (token !== undefined) writeFileSync(join(folder, "token"), `${token}\n`);
    const section = {
      addresses: [controlPlane],
      tls: {
        mode: certFile === undefined ? "SIMPLE" : "MUTUAL",
        caFile: join(folder, "ca.crt"),
        serverName: tls.serverName,
        ...(certFile === undefined ? {} : { certFile, keyFile }),
      },
      ...(token === undefined ? {} : { tokenFile: join(folder, "token") }),
    };
    const config = {
      node: { id: node },
      admin: { address: `127.0.0.1:${admin}` },
      listeners: [{ name: "local", address: `127.0.0.1:${port}` }],
      controlPlane: section,
    };
    writeFileSync(join(folder, "isobar.yaml"), JSON.stringify(config));
    const launcher = join(REPOSITORY, "src/cli/launch.mjs");
    const shell = `exec "$0" "$@" 2>"${join(folder, "log")}"`;
    const program = { command: "sh", args: ["-c", shell, process.execPath, launcher] };
    const child = new Child(program, ["proxy", "--config", join(folder, "isobar.yaml")]);
    return new TrustedProxy(child, folder, `127.0.0.1:${port}`);
  }

  /** As kubelets do it: another file under the same name. */
  setToken(token: string): void {
    const file = join(this.#folder, "token");
    writeFileSync(`${file}.new`, token);
    renameSync(`${file}.new`, file);
  }

  get lines(): readonly string[] {
    try {
      return readFileSync(join(this.#folder, "log"), "utf8").split("\n");
    } catch {
      return [];
    }
  }

  /** @returns the lines of the log that match, when there are any. */
  async logged(wanted: RegExp): Promise<readonly string[]> {
    const untilMs = performance.now() + LIMIT_MS;
    for (;;) {
      const found = this.lines.filter((line) => wanted.test(line));
      if (found.length > 0) return found;
      if (performance.now() > untilMs)
        throw new Error(`${wanted} is not in the log:\n${this.lines.join("\n")}`);
      await sleep(20);
    }
  }

  /** Calls a service through the proxy. @returns what came of it, in gRPC's words. */
  async call(authority: string): Promise<string> {
    const client = new Client(this.#address, credentials.createInsecure(), {
      "grpc.default_authority": authority,
    });
    const same = (octets: Buffer): Buffer => octets;
    const outcome = await new Promise<string>((resolve) => {
      const deadline = Date.now() + 10_000;
      client.makeUnaryRequest("/echo.Echo/Say", same, same, Buffer.alloc(0), { deadline }, (error) => {
        resolve(error?.message ?? "ok");
      });
    });
    client.close();
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.signal("SIGKILL");
    await this.#child.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
