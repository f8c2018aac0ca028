import { execFileSync } from "node:child_process";
import { parse, parseAllDocuments } from "yaml";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import type { Manifest } from "../../kube/harness/kube-writer.ts";

/** @returns the objects of a kustomization. @param folder from the root. */
export function kustomized(kustomize: string, folder: string): readonly Manifest[] {
  return objectsOf(run(kustomize, ["build", folder]));
}

/** @returns the objects of the chart. @param values as `--set` takes them. */
export function charted(
  helm: string,
  values: readonly string[],
  namespace = "isobar-system",
): readonly Manifest[] {
  const more = values.flatMap((each) => ["--set", each]);
  const place = ["--namespace", namespace, "--kube-version", "1.35.0", "--include-crds"];
  return objectsOf(run(helm, ["template", "isobar", "charts/isobar", ...place, ...more]));
}

/** @returns an object's name among all. */
export function nameOf({ kind, metadata }: Manifest): string {
  return [kind, metadata.namespace, metadata.name].filter((each) => each !== undefined).join("/");
}

/**
 * Objects in the order of their names, without what is no difference: text of configurations is compared as what it says.
 */
export function normalized(objects: readonly Manifest[]): ReadonlyMap<string, unknown> {
  const named = objects.map((object) => [nameOf(object), withParsedData(object)] as const);
  return new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function objectsOf(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.contents === null ? [] : [document.toJS() as Manifest];
  });
}

function withParsedData(object: Manifest): unknown {
  const { kind, data } = object as Manifest & { readonly data?: Readonly<Record<string, string>> };
  if (kind !== "ConfigMap" || data === undefined) return object;
  const parsed = Object.entries(data).map(([name, text]) => [
    name,
    name.endsWith(".yaml") ? (parse(text) as unknown) : text,
  ]);
  return { ...object, data: Object.fromEntries(parsed) as unknown };
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    cwd: REPOSITORY,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: "pipe",
  });
}
