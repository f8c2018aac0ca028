import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IncomingPod, PatchOperation } from "../../../src/control-plane/webhook/admission-review.ts";
import { readAdmissionReview } from "../../../src/control-plane/webhook/admission-review.ts";
import type { PodOptIn } from "../../../src/control-plane/webhook/judge-pod.ts";
import { judgePod } from "../../../src/control-plane/webhook/judge-pod.ts";

const SETTINGS = { image: "isobar:9", door: "169.254.77.1:15001", domain: "cluster.local" };
const ENV: PodOptIn = { mode: "proxy-env", percent: 100, failClosed: false, mesh: "" };
const TRANSPARENT: PodOptIn = { mode: "transparent", percent: 100, failClosed: false, mesh: "" };

/** A Pod as the API server sends it, by way of what reads it. */
function pod(spec: object, metadata: object = {}): IncomingPod {
  const request = {
    uid: "1",
    namespace: "shop",
    operation: "CREATE",
    resource: { group: "", version: "v1", resource: "pods" },
    object: { metadata, spec: { containers: [{ name: "app", image: "i" }], ...spec } },
  };
  const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
  const read = readAdmissionReview(JSON.stringify(review));
  assert.ok(!("problem" in read), JSON.stringify(read));
  return read.object;
}

function withEnv(env: readonly object[], more: object = {}): IncomingPod {
  return pod({ containers: [{ name: "app", env, ...more }] });
}

/** Applies a patch of `add` steps as RFC 6902 has it. */
function patched(target: IncomingPod, patch: readonly PatchOperation[]) {
  const copy = structuredClone(target) as unknown as Record<string, unknown>;
  for (const { op, path, value } of patch) {
    assert.equal(op, "add");
    const parts = path
      .slice(1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = parts.pop()!;
    let place: unknown = copy;
    for (const part of parts) place = Reflect.get(place as object, part);
    assert.ok(typeof place === "object" && place !== null, path);
    if (!Array.isArray(place)) Reflect.set(place, last, value);
    else if (last === "-") place.push(value);
    else place.splice(Number(last), 0, value);
  }
  return copy as unknown as IncomingPod;
}

function variablesOf(target: IncomingPod, list: "containers" | "initContainers" = "containers", index = 0) {
  return Object.fromEntries((target.spec[list]?.[index]?.env ?? []).map(({ name, value }) => [name, value]));
}

describe("a Pod on its way into the API server", () => {
  it("gets in mode proxy-env what gRPC in each language takes a proxy from, in every container", () => {
    const before = pod({
      containers: [{ name: "app" }, { name: "other", env: [{ name: "A", value: "1" }] }],
      initContainers: [{ name: "migrate", env: [] }],
    });
    const { patch, warnings, result } = judgePod(before, ENV, 0, SETTINGS);
    assert.deepEqual([warnings, result], [[], "proxy_env"]);
    const after = patched(before, patch);
    const wanted = variablesOf(after);
    assert.deepEqual(Object.keys(wanted), [
      "grpc_proxy",
      "HTTPS_PROXY",
      "NO_PROXY",
      "no_proxy",
      "JAVA_TOOL_OPTIONS",
    ]);
    assert.equal(wanted["grpc_proxy"], "http://169.254.77.1:15001");
    assert.match(
      wanted["no_proxy"] ?? "",
      /^localhost,127.0.0.1,::1,.*\$\(KUBERNETES_SERVICE_HOST\),kubernetes,/,
    );
    assert.match(
      wanted["JAVA_TOOL_OPTIONS"] ?? "",
      /^-Dhttps.proxyHost=169.254.77.1 -Dhttps.proxyPort=15001 /,
    );
    assert.deepEqual(variablesOf(after, "containers", 1), { A: "1", ...wanted });
    assert.deepEqual(variablesOf(after, "initContainers"), wanted);
    assert.deepEqual(after.metadata.annotations, { "isobar.dev/injected": "proxy-env" });
  });

  it("an IPv6 door is written as each of them wants it", () => {
    const before = pod({});
    const { patch } = judgePod(before, ENV, 0, { ...SETTINGS, door: "[fd00::1]:15001" });
    const env = variablesOf(patched(before, patch));
    assert.equal(env["HTTPS_PROXY"], "http://[fd00::1]:15001");
    assert.match(env["JAVA_TOOL_OPTIONS"] ?? "", /^-Dhttps.proxyHost=fd00::1 -Dhttps.proxyPort=15001 /);
  });

  it("is the same when it comes a second time", () => {
    for (const optIn of [ENV, TRANSPARENT]) {
      const before = pod({ initContainers: [{ name: "first" }] });
      const after = patched(before, judgePod(before, optIn, 0, SETTINGS).patch);
      assert.deepEqual(judgePod(after, optIn, 0, SETTINGS).patch, [], optIn.mode);
      assert.deepEqual(judgePod(after, optIn, 99, SETTINGS).patch, [], optIn.mode);
    }
  });

  it("keeps exceptions of its own that exclude no Service", () => {
    const fine = [
      "",
      "10.0.0.0/8",
      "metadata.google.internal,example.com",
      "pay.shop.svc.cluster.local",
      "kubernetes.default.svc",
    ];
    for (const value of fine) {
      const before = withEnv([{ name: "no_proxy", value }]);
      const { patch, result } = judgePod(before, ENV, 0, SETTINGS);
      assert.equal(result, "proxy_env", value);
      const env = variablesOf(patched(before, patch));
      assert.deepEqual([env["no_proxy"], "NO_PROXY" in env], [value, false]);
    }
  });

  const obstacles: readonly (readonly [string, IncomingPod, RegExp])[] = [
    ...["grpc_proxy", "HTTPS_PROXY", "https_proxy", "http_proxy", "HTTP_PROXY", "ALL_PROXY"].map(
      (name) =>
        [name, withEnv([{ name, value: "http://corporate:3128" }]), new RegExp(`app sets ${name}$`)] as const,
    ),
    ...[
      "*",
      ".svc",
      "svc",
      ".cluster.local",
      "cluster.local",
      "*.cluster.local",
      ".local",
      ".shop.svc",
      "shop.svc.cluster.local",
    ].map(
      (value) =>
        [
          `no_proxy ${value}`,
          withEnv([{ name: "NO_PROXY", value: `10.0.0.0/8, ${value}` }]),
          /excludes the cluster's names$/,
        ] as const,
    ),
    ["no_proxy from elsewhere", withEnv([{ name: "no_proxy", valueFrom: {} }]), /to what is not known here$/],
    ["Java's options", withEnv([{ name: "JAVA_TOOL_OPTIONS", value: "-Xmx1g" }]), /sets JAVA_TOOL_OPTIONS$/],
    [
      "a proxy of Java's",
      withEnv([{ name: "JDK_JAVA_OPTIONS", value: "-Dhttps.proxyHost=a" }]),
      /sets JDK_JAVA_OPTIONS$/,
    ],
    [
      "envFrom",
      withEnv([], { envFrom: [{ configMapRef: { name: "c" } }] }),
      /has envFrom, which may set a proxy: say isobar.dev\/mode/,
    ],
    [
      "an init container",
      pod({ initContainers: [{ name: "init", env: [{ name: "HTTPS_PROXY", value: "x" }] }] }),
      /container init sets/,
    ],
  ];
  for (const [what, target, wanted] of obstacles) {
    it(`is left alone, with a warning, for ${what}`, () => {
      const { patch, warnings, result } = judgePod(target, ENV, 0, SETTINGS);
      assert.deepEqual([patch, result], [[], "left_alone"]);
      assert.match(warnings.join(), wanted);
      assert.match(warnings.join(), /^isobar.dev: the Pod is left alone, not in mode proxy-env: /);
      assert.ok(warnings[0]!.length <= 256);
    });
  }

  it("is left alone in both modes when it is in a mesh, whose proxy has its calls", () => {
    for (const optIn of [ENV, TRANSPARENT]) {
      const { result, warnings, patch } = judgePod(pod({}), { ...optIn, mesh: "istio" }, 0, SETTINGS);
      assert.deepEqual([result, patch], ["left_alone", []]);
      assert.match(warnings.join(), /in a mesh \(istio\)$/);
    }
  });

  it("with envFrom, and the mode said on the Pod itself, is taken at its word", () => {
    const spec = { containers: [{ name: "app", envFrom: [{ secretRef: { name: "s" } }] }] };
    const target = pod(spec, { annotations: { "isobar.dev/mode": "proxy-env" } });
    assert.equal(judgePod(target, ENV, 0, SETTINGS).result, "proxy_env");
  });

  it("waits first of all in mode transparent, within the restricted Pod Security Standard", () => {
    for (const initContainers of [undefined, null, [{ name: "migrate" }]]) {
      const before = pod({ initContainers });
      const { patch, result } = judgePod(before, TRANSPARENT, 0, SETTINGS);
      assert.equal(result, "wait");
      const after = patched(before, patch);
      const [first, ...rest] = after.spec.initContainers ?? [];
      assert.deepEqual(
        rest.map(({ name }) => name),
        (initContainers ?? []).map(({ name }) => name),
      );
      assert.ok(first !== undefined);
      const { image, args, securityContext } = first as unknown as Record<string, unknown>;
      assert.deepEqual(
        [first.name, image, args],
        ["isobar-wait", "isobar:9", ["wait", "--address", "169.254.77.1:15001"]],
      );
      assert.deepEqual(securityContext, {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      assert.equal("resources" in first, false);
      assert.equal(Reflect.get(first, "imagePullPolicy"), "IfNotPresent", "the node has it");
      assert.deepEqual(variablesOf(after), {}, "and gets no variables");
    }
  });

  /** The container that waits, in a Pod with this spec. */
  const waitIn = (spec: object) => {
    const before = pod(spec);
    const { patch } = judgePod(before, TRANSPARENT, 0, SETTINGS);
    return patched(before, patch).spec.initContainers?.[0] as unknown as {
      readonly resources?: object;
      readonly securityContext: Readonly<Record<string, unknown>>;
      readonly args: readonly string[];
    };
  };

  it("asks for as much as its largest container to wait, for its namespace has accepted that", () => {
    const asking = (...all: readonly object[]) =>
      waitIn({ containers: all.map((resources, index) => ({ name: `c${index}`, resources })) }).resources;
    const [small, large] = [
      { limits: { memory: "64Mi", cpu: "50m" }, requests: { memory: "64Mi", cpu: "50m" } },
      { limits: { memory: "1Gi", cpu: 2, "nvidia.com/gpu": 1 }, requests: { memory: "512Mi", cpu: 1 } },
    ];
    const wanted = { limits: { memory: "1Gi", cpu: "2" }, requests: { memory: "512Mi", cpu: "1" } };
    assert.deepEqual(asking(small, large, {}), wanted);
    assert.deepEqual(asking(large, small), wanted);
    assert.deepEqual(asking(small), { ...small, limits: { memory: "128Mi", cpu: "50m" } });
    assert.deepEqual(asking({ limits: { memory: 500_000_000 } }), {
      limits: { memory: "500000000" },
      requests: {},
    });
    for (const nothing of [{}, { limits: {} }, { limits: { "nvidia.com/gpu": "1" } }])
      assert.equal(asking(nothing), undefined);
  });

  it("waits as the image's user where it would be root, and as its own user otherwise", () => {
    const userOf = (securityContext: object) => waitIn({ securityContext }).securityContext["runAsUser"];
    assert.equal(userOf({ runAsUser: 0 }), 65_532);
    assert.equal(userOf({ runAsUser: 1000 }), undefined);
    assert.equal(userOf({}), undefined);
  });

  it("does not start uncaptured where its namespace fails closed", () => {
    const before = pod({});
    const { patch } = judgePod(before, { ...TRANSPARENT, failClosed: true }, 0, SETTINGS);
    const [wait] = patched(before, patch).spec.initContainers as unknown as readonly { args: string[] }[];
    assert.deepEqual(wait?.args, ["wait", "--address", "169.254.77.1:15001", "--required"]);
  });

  it("gets nothing where there is nothing to be done for it", () => {
    const cases: readonly (readonly [PodOptIn, IncomingPod])[] = [
      [{ mode: "off", percent: 100, failClosed: false, mesh: "" }, pod({})],
      [{ mode: "address", percent: 100, failClosed: false, mesh: "" }, pod({})],
      [{ mode: "transparent", percent: 0, failClosed: false, mesh: "" }, pod({})],
      [{ mode: "proxy-env", percent: 0, failClosed: false, mesh: "" }, pod({})],
      [TRANSPARENT, pod({ hostNetwork: true })],
      [ENV, pod({ os: { name: "windows" } })],
    ];
    for (const [optIn, target] of cases)
      assert.deepEqual(judgePod(target, optIn, 0, SETTINGS), {
        patch: [],
        warnings: [],
        result: "unchanged",
      });
  });

  it("gets variables by the share of its namespace, and all wait, whom the node then tells", () => {
    const results = (mode: PodOptIn["mode"]) =>
      Array.from(
        { length: 100 },
        (_, draw) =>
          judgePod(pod({}), { mode, percent: 25, failClosed: false, mesh: "" }, draw, SETTINGS).result,
      );
    assert.equal(results("proxy-env").filter((result) => result === "proxy_env").length, 25);
    assert.ok(results("transparent").every((result) => result === "wait"));
  });
});
