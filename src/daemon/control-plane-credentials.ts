import type { Config } from "../config/config.ts";
import { readTlsFiles } from "../config/read-tls-files.ts";
import { readTokenFile } from "../config/read-token-file.ts";
import type { Log } from "../telemetry/log.ts";
import type { ControlPlaneTls } from "../xds/client/grpc-ads-transport.ts";

type ControlPlaneConfig = NonNullable<Config["controlPlane"]>;

/** What the proxy shows a control plane, and what it expects of it, read anew for every connection: files are replaced while we run. */
export class ControlPlaneCredentials {
  readonly #config: ControlPlaneConfig;
  readonly #log: Log;
  /** The last that was good. */
  #tls: ControlPlaneTls | undefined;
  #trouble = "";

  constructor(config: ControlPlaneConfig, log: Log) {
    this.#config = config;
    this.#log = log;
  }

  /**
   * @returns undefined for clear text.
   * @throws Error where the files never were good: then nobody can be trusted.
   */
  tls(): ControlPlaneTls | undefined {
    const { tls } = this.#config;
    if (tls === undefined) return undefined;
    const files = readTlsFiles(tls);
    if (files.problem === undefined) {
      const { serverName = "", subjectAltNames = [] } = tls;
      const { ca, cert, key } = files;
      this.#trouble = "";
      this.#tls = { ca, cert, key, serverName, subjectAltNames };
      return this.#tls;
    }
    const { key, problem, wanted } = files;
    const trouble = `controlPlane.tls.${key}: ${problem}`;
    if (this.#tls === undefined) throw new Error(`${trouble}, wanted ${wanted}`);
    if (trouble !== this.#trouble) {
      this.#log.error("TLS files for the control plane cannot be used, the last good ones stay in use", {
        file: tls[key],
        found: problem,
        wanted,
      });
    }
    this.#trouble = trouble;
    return this.#tls;
  }

  /**
   * @returns "" where none is configured.
   * @throws Error when the file has no token.
   */
  token(): string {
    const { tokenFile } = this.#config;
    if (tokenFile === undefined) return "";
    const read = readTokenFile(tokenFile);
    if (read.problem === undefined) return read.token;
    throw new Error(
      `controlPlane.tokenFile: found ${tokenFile}: ${read.problem}, wanted a file with a token`,
    );
  }
}
