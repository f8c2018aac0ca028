import type { Config } from "./config.ts";
import type { CrossFinding } from "./cross-finding.ts";

/** Checks that it is clear how a control plane is spoken with. */
export function checkControlPlane({ controlPlane }: Config): CrossFinding[] {
  if (controlPlane === undefined) return [];
  const { tls, insecure, tokenFile } = controlPlane;
  if (tls === undefined && !insecure) {
    return [
      {
        path: ["controlPlane"],
        found: "neither tls nor insecure",
        wanted: "one of them",
        advice: "add tls, or insecure: true where nobody else can reach the connection",
      },
    ];
  }
  if (tls !== undefined && insecure) {
    return [
      {
        path: ["controlPlane", "insecure"],
        found: "true together with tls",
        wanted: "either of them",
        advice: "remove one",
      },
    ];
  }
  if (tls === undefined && tokenFile !== undefined) {
    return [
      {
        path: ["controlPlane", "tokenFile"],
        found: "a token without tls",
        wanted: "tls beside it",
        advice: "add tls, or remove tokenFile: whoever reads the connection could use the token",
      },
    ];
  }
  return [];
}
