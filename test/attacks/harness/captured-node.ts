import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SHARED } from "../clusters.ts";

/** Leads to this machine, as the address of a captured service does on a node. */
const SERVICE = "127.18.0.1";
const GENERATION = "attacked";
const PORT_LIMIT_MS = 10_000;
/** Addresses of the pods of the namespace that abuses. */
const ABUSERS = 254;

/** Addresses of the pods of the namespace that does nothing wrong: one calls at a constant rate, one as fast as it is answered. */
export const STEADY = "127.0.0.2";
export const BUSY = "127.0.0.3";

/** @returns the address of a pod of the namespace that abuses. @param number from 0. */
export function abuser(number: number): string {
  return `127.0.1.${1 + (number % ABUSERS)}`;
}

function pod(namespace: string, address: string): string {
  const name = `${namespace}-${address}`;
  return `  - { uid: ${name}, namespace: ${namespace}, pod: ${name}, addresses: [${address}] }`;
}

/** What makes the attacked proxy one of a node with pods of two namespaces, whose calls to the shared service are captured. */
export class CapturedNode implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "isobar-tenants-"));

  /** Lines of the proxy's configuration. */
  get config(): string[] {
    return [
      "capture:",
      `  runDir: ${this.#folder}`,
      `  generation: ${GENERATION}`,
      "  anyIp: { ipv4: 127.18.0.0/16 }",
      `  services: [{ service: "${SHARED}", addresses: [10.99.0.1], port: 50051 }]`,
      "callers:",
      ...[STEADY, BUSY].map((address) => pod("modest", address)),
      ...Array.from({ length: ABUSERS }, (_, i) => pod("greedy", abuser(i))),
    ];
  }

  /** @returns where captured connections come to: the kernel chose the port. */
  async target(): Promise<{ readonly host: string; readonly port: number }> {
    const limit = performance.now() + PORT_LIMIT_MS;
    while (performance.now() < limit) {
      try {
        const text = readFileSync(join(this.#folder, GENERATION, "generation.json"), "utf8");
        const { port } = JSON.parse(text) as { port: number };
        if (port > 0) return { host: SERVICE, port };
      } catch {
        // It is not written yet.
      }
      await sleep(20);
    }
    throw new Error("the proxy does not say which port captured connections come to");
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
