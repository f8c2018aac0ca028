import { readTlsFiles } from "../config/read-tls-files.ts";
import { readTokenFile } from "../config/read-token-file.ts";
import type { ControlPlaneTls } from "../xds/client/grpc-ads-transport.ts";
import type { ClientSettings } from "./client-options.ts";

/** What a program shows a control plane, and what it expects of it; files are read anew for every stream. */
export class ClientCredentials {
  readonly #settings: ClientSettings;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  /** @returns undefined for clear text. @throws Error that says which file is wrong: then there is no stream. */
  tls(): ControlPlaneTls | undefined {
    const { insecure, caFile, certFile, keyFile, serverName } = this.#settings;
    if (insecure) return undefined;
    const files = readTlsFiles({
      mode: certFile === "" ? "SIMPLE" : "MUTUAL",
      caFile: caFile || undefined,
      certFile: certFile || undefined,
      keyFile: keyFile || undefined,
    });
    if (files.problem !== undefined)
      throw new Error(
        `${files.key}: found ${this.#settings[files.key]}: ${files.problem}, wanted ${files.wanted}`,
      );
    const { ca, cert, key } = files;
    return { ca, cert, key, serverName, subjectAltNames: [] };
  }

  /** @returns "" where there is none. @throws Error when the file has none. */
  token(): string {
    const { tokenFile } = this.#settings;
    if (tokenFile === "") return "";
    const read = readTokenFile(tokenFile);
    if (read.problem === undefined) return read.token;
    throw new Error(`tokenFile: found ${tokenFile}: ${read.problem}, wanted a file with a token`);
  }
}
