import { Client } from "undici";
import type { Probe, ProbeAnswer, ProbeTarget } from "./probe.ts";
import { answerOfError, timedOut } from "./probe.ts";

/** Of a body nobody needs, what is read so that the connection ends well. */
const MAX_BODY_OCTETS = 65_536;

/**
 * Asks by HTTP/1.1: 200 to 299 is well. Redirects are not followed: they would ask somebody else. On the endpoint's own port it
 * speaks TLS where the cluster does.
 */
export class HttpProbe implements Probe {
  readonly #target: ProbeTarget;
  readonly #path: string;

  constructor(target: ProbeTarget, path: string) {
    this.#target = target;
    this.#path = path;
  }

  async check(timeoutMs: number): Promise<ProbeAnswer> {
    const signal = AbortSignal.timeout(timeoutMs);
    let client: Client | undefined;
    try {
      client = this.#client(timeoutMs);
      const { statusCode, body } = await client.request({
        path: this.#path,
        method: "GET",
        headers: { "user-agent": "isobar-health-check", accept: "*/*", connection: "close" },
        signal,
      });
      await body.dump({ limit: MAX_BODY_OCTETS, signal }).catch(() => undefined);
      const well = statusCode >= 200 && statusCode < 300;
      return { result: well ? "success" : "failure", detail: `HTTP ${statusCode}` };
    } catch (error) {
      return signal.aborted ? timedOut(timeoutMs) : answerOfError(error);
    } finally {
      // Whatever it still waits for is not waited for.
      void client?.destroy();
    }
  }

  #client(timeoutMs: number): Client {
    const { address, port, tls } = this.#target;
    const host = address.includes(":") ? `[${address}]` : address;
    return new Client(`${tls === undefined ? "http" : "https"}://${host}:${port}`, {
      // The signal ends it earlier; these only have to be no shorter.
      headersTimeout: timeoutMs + 1_000,
      bodyTimeout: timeoutMs + 1_000,
      connect: { timeout: timeoutMs + 1_000, ...secureOptions(tls) },
    });
  }

  reset(): void {
    // Each check has a connection of its own.
  }
}

/** What of the options undici hands on to node:tls. */
function secureOptions(tls: ProbeTarget["tls"]) {
  if (tls === undefined) return {};
  const { secureContext, servername, checkServerIdentity } = tls();
  return {
    rejectUnauthorized: true,
    ...(secureContext === undefined ? {} : { secureContext }),
    ...(servername === undefined ? {} : { servername }),
    ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
  };
}
