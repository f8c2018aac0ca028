import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { parseConfig } from "../../src/config/parse-config.ts";
import type { Manifest } from "../kube/harness/kube-writer.ts";
import { ROOT, readText, trackedFiles } from "../repository/repository-files.ts";
import { goTool, HELM, KUSTOMIZE } from "./harness/go-tool.ts";
import { charted, kustomized, nameOf, normalized } from "./harness/kube-objects.ts";

/** Overlays, and what of the chart's values makes the same of it. */
const SAME: readonly (readonly [overlay: string, ...values: string[]])[] = [
  ["deploy/overlays/default"],
  ["deploy/overlays/no-webhook", "webhook.enabled=false"],
  ["deploy/overlays/own-certificates", "controlPlane.tlsSecret=isobar-control-plane-tls"],
  ["deploy/overlays/monitoring", "monitoring.enabled=true"],
];
/** The one overlay that is not the chart's. */
const OTHER_OVERLAYS = ["daemonset/overlays/kind"];

interface Probe {
  readonly exec: { readonly command: readonly string[] };
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly ports?: unknown;
  readonly startupProbe: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe: Probe;
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
  }[];
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: true;
  }[];
  readonly securityContext: {
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly privileged?: boolean;
    readonly runAsUser?: number;
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
  };
}
interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: {
    readonly runAsNonRoot: boolean;
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly fsGroup?: number;
    readonly supplementalGroups?: readonly number[];
    readonly seccompProfile: { readonly type: string };
  };
  readonly initContainers?: readonly (Container & { readonly restartPolicy: string })[];
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string };
    readonly emptyDir?: { readonly sizeLimit: string };
  }[];
}
interface Workload extends Manifest {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: object };
    readonly updateStrategy?: object;
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

/** The head of a file of the audit at 5,000 services of 20 endpoints (docs/audit.md). */
const HEAD_MIB = 16;
/** What a kubelet says it is. */
const HOST_IP = "192.0.2.7";

const { CI = "" } = process.env;

it("every YAML file parses, and every manifest says what it is", () => {
  const files = trackedFiles(/^(daemonset|deploy|examples)\/.*\.ya?ml$/);
  assert.ok(files.length >= 20);
  for (const path of files) {
    for (const document of parseAllDocuments(readText(path))) {
      assert.deepEqual(document.errors, [], path);
      if (path.startsWith("examples/") || path === "deploy/monitoring/rules.yaml") continue;
      const { apiVersion, kind } = document.toJS() as {
        readonly apiVersion?: string;
        readonly kind?: string;
      };
      assert.ok(apiVersion !== undefined && kind !== undefined, path);
    }
  }
});

it("every overlay is tried here, and every manifest is part of one", () => {
  const overlays = ["deploy", "daemonset"].flatMap((folder) =>
    readdirSync(join(ROOT, folder, "overlays")).map((name) => `${folder}/overlays/${name}`),
  );
  assert.deepEqual(overlays.sort(), [...SAME.map(([overlay]) => overlay), ...OTHER_OVERLAYS].sort());
});

describe("manifests", async () => {
  const [kustomize, helm] = [await goTool(KUSTOMIZE), await goTool(HELM)];
  const missing = "missing" in kustomize ? kustomize.missing : "missing" in helm ? helm.missing : undefined;
  if (missing !== undefined) assert.equal(CI, "", missing);
  if ("missing" in kustomize || "missing" in helm) {
    it("can be tried", { skip: missing ?? "" }, () => {});
    return;
  }
  let objects: readonly Manifest[] = [];
  const workload = (kind: string): Workload => objects.find((each) => each.kind === kind) as Workload;
  const container = (name: string): Container =>
    [workload("DaemonSet"), workload("Deployment")]
      .flatMap(({ spec }) => [...spec.template.spec.containers, ...(spec.template.spec.initContainers ?? [])])
      .find((each) => each.name === name)!;

  before(() => {
    objects = kustomized(kustomize.path, "deploy/overlays/default");
  });

  for (const [overlay, ...values] of SAME) {
    it(`the chart makes the objects of ${overlay}${values.length > 0 ? ` by ${values.join()}` : ""}`, () => {
      const wanted = normalized(kustomized(kustomize.path, overlay));
      const made = normalized(charted(helm.path, values));
      // A release's namespace is there before it.
      const names = [...wanted.keys()].filter((name) => name !== "Namespace/isobar-system");
      assert.deepEqual([...made.keys()], names);
      for (const name of names) assert.deepEqual(made.get(name), wanted.get(name), name);
    });
  }

  it("the chart's own values change what they say, in another namespace too", () => {
    const values = [
      "image.repository=example.test/isobar",
      "image.tag=9.9.9",
      "proxy.drainSeconds=120",
      "proxy.metricsPort=9100",
      "proxy.config.log.level=debug",
      "proxy.nodeSelector.pool=grpc",
      "controlPlane.replicas=1",
      "controlPlane.extraArgs={--scope=cluster}",
      "webhook.excludedNamespaces={ci}",
    ];
    const text = JSON.stringify(charted(helm.path, values, "mesh"));
    assert.ok(!text.includes("isobar-system") && !text.includes("isobar:0.1.0"), "what is not replaced");
    assert.ok(!text.includes("PodDisruptionBudget"), "a budget of one Pod of one would block every drain");
    assert.equal(
      text.match(/example\.test\/isobar:9\.9\.9/g)?.length,
      4,
      "three containers, and the one that waits",
    );
    for (const wanted of [
      '"terminationGracePeriodSeconds":135',
      '"targetPort":9100',
      '"--scope=cluster"',
      '"kube-node-lease","mesh","ci"',
      '"pool":"grpc"',
      "isobar-control-plane.mesh.svc:18000",
      "limitMs: 120000",
      "level: debug",
    ]) {
      assert.ok(text.includes(wanted), wanted);
    }
  });

  it("kind's overlay loads the image, and is otherwise the default's", () => {
    const kind = kustomized(kustomize.path, "daemonset/overlays/kind");
    assert.deepEqual(kind.map(nameOf), objects.map(nameOf));
    assert.equal(JSON.stringify(kind).match(/"imagePullPolicy":"Never"/g)?.length, 3);
  });

  it("the node's configuration is a good one, and its times fit", () => {
    const config = configuration(objects);
    const { drain, capture, admin } = config;
    assert.equal(capture?.runDir, "/run/isobar");
    assert.equal(admin.address, "unix:/run/isobar-admin/admin.sock");
    const pod = workload("DaemonSet").spec.template.spec;
    // 5 s for handing over (src/daemon/departure.ts), and 5 s and more for the rest.
    assert.ok(pod.terminationGracePeriodSeconds * 1_000 >= drain.delayMs + drain.limitMs + 10_000);
    const metrics = objects.find((each) => nameOf(each) === "Service/isobar-system/isobar-proxy")!;
    const [port] = (metrics["spec"] as { readonly ports: readonly { readonly targetPort: number }[] }).ports;
    // At the node's own address, which is its Pods': no other interface of the node has the port.
    assert.equal(config.metrics?.address, `${HOST_IP}:${port?.targetPort}`);
    const fieldPath = container("proxy").env?.find(({ name }) => name === "HOST_IP")?.valueFrom?.fieldRef
      ?.fieldPath;
    assert.equal(fieldPath, "status.hostIP");
  });

  it("the control plane's audit has a folder to write in, which it does not outgrow", () => {
    const { args, volumeMounts } = container("control-plane");
    const option = (name: string) =>
      args.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3) ?? "";
    const mount = volumeMounts.find(({ mountPath }) => mountPath === option("audit-dir"));
    assert.equal(mount?.readOnly, undefined);
    const { volumes, securityContext } = workload("Deployment").spec.template.spec;
    const volume = volumes.find(({ name }) => name === mount?.name);
    const [, gibibytes = ""] = /^(\d+)Gi$/.exec(volume?.emptyDir?.sizeLimit ?? "") ?? [];
    // One more is there before the oldest goes. Beyond the limit the Pod would be evicted.
    const most = (Number(option("audit-max-files")) + 1) * (Number(option("audit-file-size")) + HEAD_MIB);
    assert.ok(most > 0 && most <= Number(gibibytes) * 1_024, `${most} MiB in ${gibibytes} GiB`);
    assert.equal(securityContext.fsGroup, securityContext.runAsGroup);
  });

  it("by the chart the audit is off, of another size, or in a claim where each replica has its own folder", () => {
    const pod = (...values: string[]): PodSpec => {
      const all = charted(
        helm.path,
        values.map((each) => `controlPlane.audit.${each}`),
      );
      return (all.find(({ kind }) => kind === "Deployment") as Workload).spec.template.spec;
    };
    const off = JSON.stringify(pod("enabled=false"));
    assert.ok(!off.includes("audit-dir") && !off.includes('"audit"'), off);
    const large = pod("size=4Gi", "maxFiles=32", "fileSizeMiB=100");
    assert.ok(large.containers[0]!.args.includes("--audit-max-files=32"));
    assert.ok(large.containers[0]!.args.includes("--audit-file-size=100"));
    assert.deepEqual(large.volumes.at(-1), { name: "audit", emptyDir: { sizeLimit: "4Gi" } });
    const claimed = pod("existingClaim=isobar-audit");
    assert.deepEqual(claimed.volumes.at(-1), {
      name: "audit",
      persistentVolumeClaim: { claimName: "isobar-audit" },
    });
    // `isobar audit --context` reads the folder from the arguments, where nothing is expanded.
    assert.ok(claimed.containers[0]!.args.includes("--audit-dir=/var/lib/isobar/audit"));
    assert.deepEqual(claimed.containers[0]!.volumeMounts.at(-1), {
      name: "audit",
      mountPath: "/var/lib/isobar/audit",
      subPathExpr: "$(POD_NAME)",
    });
  });

  it("files that the configuration names are mounted, and the names of services exist", () => {
    const { controlPlane, capture } = configuration(objects);
    const mounts = container("proxy").volumeMounts.map(({ mountPath }) => mountPath);
    const { tls, tokenFile = "", snapshotFile = "", addresses = [] } = controlPlane ?? {};
    const files = [tls !== undefined && "caFile" in tls ? String(tls.caFile) : "", tokenFile, snapshotFile];
    for (const file of [...files, `${capture?.runDir}/x`]) {
      assert.ok(
        mounts.some((mount) => file.startsWith(`${mount}/`)),
        `${file} is in no mount`,
      );
    }
    const names = new Set(
      objects.filter(({ kind }) => kind === "Service").map(({ metadata }) => metadata.name),
    );
    const called = [...addresses, ...container("control-plane").args].flatMap(
      (text) => /([a-z-]+)\.isobar-system\.svc/.exec(text)?.[1] ?? [],
    );
    assert.ok(called.length >= 3);
    for (const name of called) assert.ok(names.has(name), name);
  });

  it("selectors find their Pods, and nobody else's", () => {
    for (const kind of ["DaemonSet", "Deployment"]) {
      const { selector, template } = workload(kind).spec;
      assert.deepEqual(selector.matchLabels, template.metadata.labels, kind);
    }
    const labels = ["DaemonSet", "Deployment"].map((kind) =>
      JSON.stringify(workload(kind).spec.selector.matchLabels),
    );
    for (const service of objects.filter(({ kind }) => kind === "Service")) {
      const { selector } = service["spec"] as { readonly selector: object };
      assert.equal(labels.filter((each) => each === JSON.stringify(selector)).length, 1, nameOf(service));
    }
  });

  it("two generations of a node fit beside each other: no port is named, one more Pod comes before one goes", () => {
    const { updateStrategy, template } = workload("DaemonSet").spec;
    assert.deepEqual(updateStrategy, {
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    });
    const { containers, initContainers = [], hostNetwork } = template.spec;
    assert.equal(hostNetwork, true);
    for (const each of [...containers, ...initContainers]) assert.equal(each.ports, undefined, each.name);
    assert.deepEqual(
      initContainers.map(({ name, restartPolicy }) => [name, restartPolicy]),
      [["capture", "Always"]],
    );
  });

  it("nobody is root but capture, which has one capability; no root can be written, no CPU is limited", () => {
    for (const kind of ["DaemonSet", "Deployment"]) {
      const pod = workload(kind).spec.template.spec;
      const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext;
      assert.deepEqual(
        [runAsNonRoot, seccompProfile.type, pod.hostPID],
        [true, "RuntimeDefault", undefined],
        kind,
      );
      assert.ok(readText("Dockerfile").includes(`USER ${runAsUser}:`), "the image's user is the manifests'");
      for (const each of [...pod.containers, ...(pod.initContainers ?? [])]) {
        const { capabilities, readOnlyRootFilesystem, allowPrivilegeEscalation, privileged } =
          each.securityContext;
        const isCapture = each.name === "capture";
        assert.deepEqual(
          [readOnlyRootFilesystem, allowPrivilegeEscalation, privileged],
          [true, false, undefined],
        );
        assert.deepEqual(
          capabilities,
          { drop: ["ALL"], ...(isCapture && { add: ["NET_ADMIN"] }) },
          each.name,
        );
        assert.equal(each.securityContext.runAsUser, isCapture ? 0 : undefined);
        assert.deepEqual(Object.keys(each.resources.requests).sort(), ["cpu", "memory"]);
        assert.deepEqual(
          Object.keys(each.resources.limits),
          ["memory"],
          "a limit of CPU throttles everybody's calls",
        );
      }
    }
    const { automountServiceAccountToken, volumes } = workload("DaemonSet").spec.template.spec;
    assert.equal(automountServiceAccountToken, false);
    const { securityContext } = workload("DaemonSet").spec.template.spec;
    assert.deepEqual(securityContext.supplementalGroups, [securityContext.runAsGroup]);
    assert.ok(container("capture").args.includes(`--run-group=${securityContext.runAsGroup}`));
    assert.deepEqual(
      volumes.flatMap(({ hostPath }) => hostPath?.path ?? []),
      ["/run/isobar"],
    );
  });

  it("probes ask where the container's environment says, and all images are this release's", () => {
    const { version } = JSON.parse(readText("package.json")) as { readonly version: string };
    for (const name of ["proxy", "control-plane", "capture"]) {
      const { image, env = [], startupProbe, livenessProbe } = container(name);
      assert.equal(image, `isobar:${version}`, name);
      // Root without its powers may not write to another user's socket.
      assert.equal(
        env.some((each) => each.name === "ISOBAR_ADMIN_ADDRESS"),
        name !== "capture",
        name,
      );
      if (name === "capture") continue;
      assert.deepEqual(startupProbe.exec.command, ["isobar", "ask", "/ready"]);
      assert.deepEqual(livenessProbe.exec.command, ["isobar", "ask", "/healthz"]);
    }
    const chart = parse(readText("charts/isobar/Chart.yaml")) as {
      readonly version: string;
      readonly appVersion: string;
    };
    assert.deepEqual([chart.version, chart.appVersion], [version, version]);
  });

  it("Prometheus has one target at a node, also while two generations are there", () => {
    const monitored = kustomized(kustomize.path, "deploy/overlays/monitoring");
    const monitor = monitored.find((each) => nameOf(each) === "ServiceMonitor/isobar-system/isobar-proxy")!;
    const [endpoint] = (
      monitor["spec"] as { readonly endpoints: readonly { readonly relabelings: readonly object[] }[] }
    ).endpoints;
    // By the Operator's label of that name they would be told apart.
    assert.deepEqual(endpoint?.relabelings.at(-1), { action: "labeldrop", regex: "pod" });
  });

  it("with certificates of others, others keep the webhook's bundle, and are told from which Secret", () => {
    const own = kustomized(kustomize.path, "deploy/overlays/own-certificates");
    const webhook = own.find(({ kind }) => kind === "MutatingWebhookConfiguration")!;
    const deployment = own.find(({ kind }) => kind === "Deployment")!;
    const [secret] = /isobar-control-plane-tls/.exec(JSON.stringify(deployment)) ?? [];
    assert.deepEqual(webhook.metadata.annotations, {
      "cert-manager.io/inject-ca-from-secret": `isobar-system/${secret}`,
    });
  });

  /** The configuration as a proxy of the DaemonSet has it. */
  function configuration(all: readonly Manifest[]) {
    const map = all.find((each) => nameOf(each) === "ConfigMap/isobar-system/isobar") as Manifest & {
      readonly data: Readonly<Record<string, string>>;
    };
    const env = Object.fromEntries(
      (container("proxy").env ?? []).map(({ name, value = name === "HOST_IP" ? HOST_IP : "x" }) => [
        name,
        value,
      ]),
    );
    const { config, problems } = parseConfig(map.data["isobar.yaml"] ?? "", { file: "isobar.yaml", env });
    assert.deepEqual(problems ?? [], []);
    assert.ok(config !== undefined);
    return config;
  }
});
