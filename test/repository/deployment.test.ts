import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { parseConfig } from "../../src/config/parse-config.ts";
import { METRIC } from "../../src/telemetry/metric-catalog.ts";
import { ROOT, readText, trackedFiles } from "./repository-files.ts";

interface Probe {
  readonly httpGet: { readonly host: string; readonly port: number; readonly path: string };
}
interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly securityContext: {
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[] };
  };
}
interface DaemonSet {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly hostNetwork: boolean;
        readonly automountServiceAccountToken: boolean;
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
        readonly containers: readonly Container[];
      };
    };
  };
}

const BASE = "daemonset/base";

function daemonSet(): DaemonSet["spec"]["template"]["spec"] {
  return (parse(readText(`${BASE}/daemonset.yaml`)) as DaemonSet).spec.template.spec;
}

function baseConfig() {
  const { config, problems } = parseConfig(readText(`${BASE}/isobar.yaml`), {
    file: "isobar.yaml",
    env: {},
  });
  assert.deepEqual(problems ?? [], []);
  assert.ok(config !== undefined);
  return config;
}

it("every YAML file parses, and every manifest says what it is", () => {
  const files = trackedFiles(/^(daemonset|deploy|examples)\/.*\.ya?ml$/);
  assert.ok(files.length >= 6);
  for (const path of files) {
    for (const document of parseAllDocuments(readText(path))) {
      assert.deepEqual(document.errors, [], path);
      if (path.endsWith("/isobar.yaml") || path.startsWith("examples/")) continue;
      const { apiVersion, kind } = document.toJS() as {
        readonly apiVersion?: string;
        readonly kind?: string;
      };
      assert.ok(apiVersion !== undefined && kind !== undefined, path);
    }
  }
});

it("the kustomization names files that exist", () => {
  const { resources, configMapGenerator } = parse(readText(`${BASE}/kustomization.yaml`)) as {
    readonly resources: readonly string[];
    readonly configMapGenerator: readonly { readonly name: string; readonly files: readonly string[] }[];
  };
  for (const file of [...resources, ...configMapGenerator.flatMap((map) => map.files)]) {
    assert.ok(existsSync(join(ROOT, BASE, file)), file);
  }
});

it("the DaemonSet's ports and probes are those of its configuration", () => {
  const config = baseConfig();
  const [container] = daemonSet().containers;
  assert.ok(container !== undefined);
  const portNamed = (name: string) => container.ports.find((port) => port.name === name)?.containerPort;
  assert.ok(config.listeners[0]!.address.endsWith(`:${portNamed("grpc")}`));
  assert.ok(config.metrics?.address.endsWith(`:${portNamed("metrics")}`));
  for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
    assert.equal(config.admin.address, `${probe.httpGet.host}:${probe.httpGet.port}`);
  }
  assert.equal(container.readinessProbe.httpGet.path, "/ready");
  assert.equal(container.livenessProbe.httpGet.path, "/healthz");
});

it("a pod has time to drain before it is killed", () => {
  const { delayMs, limitMs } = baseConfig().drain;
  assert.ok(daemonSet().terminationGracePeriodSeconds * 1000 >= delayMs + limitMs + 10_000);
});

it("the proxy runs without root, capabilities, a writable root or an API token", () => {
  const pod = daemonSet();
  const [container] = pod.containers;
  assert.ok(container !== undefined);
  assert.equal(pod.automountServiceAccountToken, false);
  assert.equal(pod.securityContext.runAsNonRoot, true);
  assert.ok(readText("Dockerfile").includes(`USER ${pod.securityContext.runAsUser}:`));
  assert.equal(container.securityContext.allowPrivilegeEscalation, false);
  assert.equal(container.securityContext.readOnlyRootFilesystem, true);
  assert.deepEqual(container.securityContext.capabilities.drop, ["ALL"]);
  const { version } = JSON.parse(readText("package.json")) as { readonly version: string };
  assert.equal(container.image, `isobar:${version}`);
});

it("alerts use only metrics that exist", () => {
  const used = readText("deploy/prometheus-rules.yaml").matchAll(/\bisobar_[a-z_]+/g);
  const known = new Set<string>(Object.values(METRIC).map((metric) => metric.name));
  const unknown = [...used].map((match) => match[0]).filter((name) => !known.has(name));
  assert.deepEqual(unknown, []);
});
