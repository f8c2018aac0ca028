import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import type { ApiServer } from "./api-server.ts";
import type { Manifest } from "./kube-writer.ts";

const ACCOUNT = "/api/v1/namespaces/isobar-system/serviceaccounts/isobar-reader";

/** Grants in a cluster what deploy/other-cluster.yaml grants, and nothing else. @returns the kubeconfig of whoever may do that. */
export async function readerConfig({ writer, kubeConfig, folder }: ApiServer): Promise<string> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "isobar-system" } };
  await writer.apply(namespace);
  const rules = readFileSync(join(REPOSITORY, "deploy/other-cluster.yaml"), "utf8");
  for (const document of parseAllDocuments(rules)) await writer.apply(document.toJS() as Manifest);
  const answer = await writer.send("POST", `${ACCOUNT}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3_600 },
  });
  const { token } = (answer as unknown as { readonly status: { readonly token: string } }).status;
  const config = parse(readFileSync(kubeConfig, "utf8")) as { users: { user: object }[] };
  for (const each of config.users) each.user = { token };
  const file = join(folder, "reader.yaml");
  writeFileSync(file, stringify(config));
  return file;
}
