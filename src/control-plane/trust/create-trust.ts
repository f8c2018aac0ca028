import type { Log } from "../../telemetry/log.ts";
import type { Admission } from "../../xds/server/admission.ts";
import type { CertificatePaths } from "./certificate-files.ts";
import { CertificateFiles } from "./certificate-files.ts";
import type { IdentitySource } from "./identity-source.ts";

/** How the control plane proves who it is, and how its clients have to. */
export type TrustFlags =
  | { readonly kind: "insecure" }
  | {
      readonly kind: "files";
      readonly paths: CertificatePaths;
      readonly clientAuth: "required" | "none";
    };

/** What a {@link TrustFlags} comes to. */
export interface Trust {
  /** undefined: clear text. */
  readonly identity: IdentitySource | undefined;
  /** undefined: everybody may ask for everything. */
  readonly admission: Admission | undefined;
  /** What is to be said again and again; "" for nothing. */
  readonly warning: string;
}

export function createTrust(flags: TrustFlags, log: Log): Trust {
  if (flags.kind === "insecure") {
    const warning = "xDS is served in clear text to anybody who can connect, as --insecure permits";
    return { identity: undefined, admission: undefined, warning };
  }
  const identity = new CertificateFiles(flags.paths, log);
  const warning = "xDS is served to anybody who can connect, as --client-auth none permits";
  return { identity, admission: undefined, warning };
}
