import { status } from "@grpc/grpc-js";
import type { Refusal } from "../../xds/server/admission.ts";
import type { ClientCertificate } from "../../xds/server/server-identity.ts";
import type { ClientIdentity } from "./client-identity.ts";
import { clientIdentity } from "./client-identity.ts";

/** `spiffe://TRUST/ns/NAMESPACE/sa/ACCOUNT`, and behind it `/node/NODE` or `/pod/POD`. */
const WORKLOAD = /^URI:spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)((?:\/(?:node|pod)\/[^/]+)*)$/;
/** Names are separated so; those with odd characters are quoted, and are nothing we would look for. */
const SEPARATOR = ", ";

/**
 * Reads who a client is off its certificate.
 *
 * SPIFFE IDs as Istio and SPIRE form them name the ServiceAccount; what stands behind it, by a template of the issuer's, names the Pod or the node. All
 * trust domains are alike: whoever is trusted issues no others. Source: SPIFFE-ID §2; Istio, "Secure naming".
 */
export function certificateIdentity({
  problem,
  subjectAltNames,
}: ClientCertificate): ClientIdentity | Refusal {
  if (problem !== "") {
    return refused(
      `found a client certificate that is no good (${problem}), wanted one of --client-ca-file that is valid now`,
    );
  }
  const names = subjectAltNames.split(SEPARATOR).filter((name) => name !== "");
  if (names.length === 0) {
    return refused(
      "found a client certificate without subject alternative names, wanted a URI or DNS name that says who it is",
    );
  }
  for (const name of names) {
    const [, namespace, account, rest = ""] = WORKLOAD.exec(name) ?? [];
    if (namespace === undefined) continue;
    const further = new Map(
      [...rest.matchAll(/\/(node|pod)\/([^/]+)/g)].map(([, key, value]) => [key, value!]),
    );
    const podName = further.get("pod");
    return clientIdentity({
      account: `${namespace}/${account}`,
      names,
      pod: podName === undefined ? undefined : { namespace, name: podName, uid: "" },
      node: further.get("node") ?? "",
      expiresMs: Number.NaN,
    });
  }
  return clientIdentity({ account: "", names, pod: undefined, node: "", expiresMs: Number.NaN });
}

function refused(message: string): Refusal {
  return { code: status.UNAUTHENTICATED, reason: "certificate", message };
}
