import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { SeededRandom } from "../../../src/base/random.ts";
import { AUTHORITY_TIMES } from "../../../src/control-plane/trust/authority-set.ts";
import { OwnAuthority } from "../../../src/control-plane/trust/own-authority.ts";
import { ApiClient } from "../../../src/kube/api-client.ts";
import { ApiConnection } from "../../../src/kube/api-connection.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import type { ApiCall } from "./recording-proxy.ts";
import type { TrustedCluster } from "./trusted-cluster.ts";

/** Objects that permissions name. */
const NAMED = ["secrets", "configmaps"];

/** @returns a call in the words of the list, such as `get secrets isobar-ca`. */
export function permissionOf({ verb, resource, name }: ApiCall): string {
  const isNamed = NAMED.includes(resource) && verb !== "create";
  return `${verb} ${resource}${isNamed ? ` ${name}` : ""}`;
}

/** @returns the permissions that docs/security.md lists. */
export function documentedPermissions(): ReadonlySet<string> {
  const page = readFileSync(join(REPOSITORY, "docs/security.md"), "utf8");
  const section = page.slice(page.indexOf("## Permissions"));
  const rows = [...section.matchAll(/^\| ([a-z, ]+) \| `([^`]+)` \| ([^|]+) \|/gm)];
  return new Set(
    rows.flatMap(([, verbs = "", resource = "", where = ""]) => {
      const [, name = ""] = /`([^`]+)`/.exec(where) ?? [];
      return verbs.split(", ").map((verb) => `${verb} ${resource}${name === "" ? "" : ` ${name}`}`);
    }),
  );
}

/** @returns the permissions that deploy/rbac/control-plane.yaml grants, sorted. */
export function grantedPermissions(): readonly string[] {
  const text = readFileSync(join(REPOSITORY, "deploy/rbac/control-plane.yaml"), "utf8");
  const granted = parseAllDocuments(text).flatMap((document) => {
    const { rules = [] } = document.toJS() as {
      readonly rules?: readonly {
        readonly apiGroups: readonly string[];
        readonly resources: readonly string[];
        readonly verbs: readonly string[];
        readonly resourceNames?: readonly string[];
      }[];
    };
    return rules.flatMap(({ apiGroups: [group = ""], resources, verbs, resourceNames: [name = ""] = [] }) =>
      resources.flatMap((resource) => {
        const [plural, sub] = resource.split("/");
        const full = `${plural}${group === "" ? "" : `.${group}`}${sub === undefined ? "" : `/${sub}`}`;
        return verbs.map((verb) => `${verb} ${full}${name === "" ? "" : ` ${name}`}`);
      }),
    );
  });
  return granted.sort();
}

/** Writes objects about which the control plane has something to say. */
export async function provokeEveryWrite(cluster: TrustedCluster): Promise<void> {
  const { writer } = cluster.api;
  await cluster.service("shop", "wrong", { "isobar.dev/policy": "nonsense" });
  await writer.apply({
    apiVersion: "isobar.dev/v1alpha1",
    kind: "TrafficPolicy",
    metadata: { namespace: "shop", name: "p" },
    spec: { targetRefs: [{ name: "echo" }], timeouts: { request: "2s" } },
  });
  await writer.apply({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GRPCRoute",
    metadata: { namespace: "shop", name: "r" },
    spec: {
      parentRefs: [{ group: "", kind: "Service", name: "echo" }],
      rules: [{ backendRefs: [{ name: "nowhere", port: 80 }] }],
    },
  });
}

/** Looks after the authority as a replica does when two thirds of its life are over. */
export async function renewAuthority(kubeConfig: string): Promise<void> {
  const connection = new ApiConnection({ file: kubeConfig });
  const authority = new OwnAuthority({
    api: new ApiClient(connection),
    namespace: "isobar-system",
    secretName: "isobar-ca",
    bundleName: "isobar-ca-bundle",
    names: ["localhost"],
    clientCa: "",
    log: createLog({ level: "silent" }),
    random: new SeededRandom(1),
    nowMs: () => Date.now() + AUTHORITY_TIMES.authorityLifeMs * 0.7,
  });
  await authority.look();
  await authority.close();
  await connection.close();
}
