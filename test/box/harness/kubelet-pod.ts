import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Program } from "../../clients/harness/language.ts";
import type { KubeWriter } from "../../kube/harness/kube-writer.ts";
import { BoxContainer } from "./box-container.ts";
import type { PodNetwork } from "./box-network.ts";
import type { BoxNode } from "./box-node.ts";
import { MemoryGroup } from "./memory-group.ts";
import type { ContainerSpec, PodObject, Probe } from "./pod-template.ts";
import type { VolumeSources } from "./pod-volumes.ts";
import { PodVolumes } from "./pod-volumes.ts";

const RETRY_MS = 200;
const MOUNT_LIMIT_MS = 60_000;
/** What a node of the box has of its own. */
const RUN = "/run/isobar";
/** Of the Dockerfile; HOME is what runtimes take from the image's /etc/passwd. */
const IMAGE_ENV = { NODE_ENV: "production", PATH: "/usr/local/bin:/usr/sbin:/usr/bin", HOME: "/" };

/** What every Pod of a node is given. */
export interface KubeletSettings extends Omit<VolumeSources, "hostFolder"> {
  /** Root of the image's file tree. */
  readonly image: string;
  /** Address of the cluster's DNS. */
  readonly dns: string;
  /** ClusterIP of the Service `kubernetes`; its port is 443. */
  readonly apiServer: string;
  readonly writer: KubeWriter;
  /** For volumes and logs. */
  readonly folder: string;
}

/** A Pod whose containers run as its spec says, on a node of the box: what a kubelet does with it, from its volumes to its end. */
export class KubeletPod {
  readonly object: PodObject;
  readonly node: BoxNode;
  readonly containers = new Map<string, BoxContainer>();
  isReady = false;
  isLeaving = false;
  hasEnded = false;
  /** Of its containers, when they have ended. */
  readonly exitCodes = new Map<string, number | null>();
  /** Why it is not ready, or what failed. */
  problem = "";
  readonly #settings: KubeletSettings;
  readonly #folder: string;
  readonly #own: PodNetwork | undefined;
  #volumes: PodVolumes | undefined;
  #started: Promise<void> = Promise.resolve();

  constructor(object: PodObject, node: BoxNode, settings: KubeletSettings) {
    this.object = object;
    this.node = node;
    this.#settings = settings;
    this.#folder = join(settings.folder, object.metadata.name);
    mkdirSync(this.#folder, { recursive: true });
    this.#own = object.spec.hostNetwork === true ? undefined : node.network.addPod();
  }

  get name(): string {
    return this.object.metadata.name;
  }

  /** IPv4, IPv6. */
  get addresses(): readonly [string, string] {
    return (this.#own ?? this.node.network).addresses;
  }

  /** A folder of this machine, for a volume of the Pod. */
  volume(name: string): string {
    return this.#volumes!.folderOf(name);
  }

  /** Starts its containers in their order, each when the one before is there; see {@link isReady} and {@link problem}. */
  start(): void {
    this.#started = this.#start().catch((error: Error) => {
      this.problem = error.message;
    });
  }

  /** Runs a container's probe once. @returns "" when it succeeded. */
  probe(container: string, kind: "startupProbe" | "readinessProbe" | "livenessProbe"): Promise<string> {
    const { initContainers = [], containers } = this.object.spec;
    const spec = [...initContainers, ...containers].find(({ name }) => name === container)!;
    const probe = spec[kind];
    if (probe === undefined) throw new Error(`${this.name}: ${container} has no ${kind}`);
    return this.containers.get(container)!.probe(probe);
  }

  /** @returns a command that runs in a container, as by `kubectl exec`. */
  readonly entered = (container: string, words: readonly string[]): Program =>
    this.containers.get(container)!.entered(words);

  /** SIGTERM to its containers, then to its sidecars, SIGKILL when the time is over; then its object and its address go. */
  async end(): Promise<void> {
    this.isLeaving = true;
    this.isReady = false;
    await this.#started;
    const { terminationGracePeriodSeconds: graceSeconds = 30, initContainers = [] } = this.object.spec;
    const untilMs = performance.now() + graceSeconds * 1_000;
    const sidecars = new Set(initContainers.map(({ name }) => name));
    const stop = async (container: BoxContainer): Promise<void> => {
      container.signal("SIGTERM");
      this.exitCodes.set(
        container.name,
        await container.waitForEnd(Math.max(0, untilMs - performance.now())),
      );
    };
    const all = [...this.containers.values()];
    await Promise.all(all.filter(({ name }) => !sidecars.has(name)).map(stop));
    for (const each of all.filter(({ name }) => sidecars.has(name)).reverse()) await stop(each);
    // Its namespace may have gone before it.
    await this.#settings.writer.delete(this.object).catch(() => {});
    if (this.#own !== undefined) this.node.network.removePod(this.#own);
    this.hasEnded = true;
  }

  async #start(): Promise<void> {
    await this.#writeStatus();
    this.#volumes = await this.#mount();
    const { initContainers = [], containers } = this.object.spec;
    for (const spec of initContainers) {
      const container = await this.#run(spec);
      if (spec.restartPolicy === "Always") await this.#succeeds(container, spec.startupProbe);
      else if ((await container.waitForEnd(MOUNT_LIMIT_MS)) !== 0)
        throw new Error(`${spec.name}: ${container.lines.join("\n")}`);
    }
    await Promise.all(
      containers.map(async (spec) => {
        const container = await this.#run(spec);
        await this.#succeeds(container, spec.startupProbe);
        await this.#succeeds(container, spec.readinessProbe);
      }),
    );
    if (this.isLeaving) return;
    this.isReady = true;
    await this.#writeStatus();
  }

  async #mount(): Promise<PodVolumes> {
    const { trusted, apiServerCa } = this.#settings;
    const hostFolder = (path: string): string => {
      if (path !== RUN) throw new Error(`hostPath ${path}: the nodes of the box have ${RUN} alone`);
      return this.node.runDir;
    };
    for (let tries = 0; ; tries++) {
      try {
        const place = join(this.#folder, `volumes-${tries}`);
        return await PodVolumes.make(this.object, { trusted, apiServerCa, hostFolder }, place);
      } catch (error) {
        this.problem = (error as Error).message;
        if (this.isLeaving || tries * RETRY_MS > MOUNT_LIMIT_MS) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  async #run(spec: ContainerSpec): Promise<BoxContainer> {
    const { spec: pod, metadata } = this.object;
    const { image } = this.#settings;
    const who = { ...pod.securityContext, ...spec.securityContext };
    const { runAsUser: user, runAsGroup: group = 0, supplementalGroups = [], fsGroup } = who;
    if (user === undefined || (who.runAsNonRoot === true && user === 0))
      throw new Error(`${metadata.name}: ${spec.name} may not run as user ${user}`);
    const { drop = [], add = [] } = who.capabilities ?? {};
    if (
      drop.join() !== "ALL" ||
      who.allowPrivilegeEscalation !== false ||
      who.readOnlyRootFilesystem !== true
    )
      throw new Error(`${spec.name}: wants rights that this harness cannot give`);
    const { memory } = spec.resources?.limits ?? {};
    const hostname = pod.hostNetwork === true ? this.node.name : metadata.name;
    const log = join(this.#folder, `${spec.name}.log`);
    const machine = (this.#own ?? this.node.network).namespace;
    const wish = {
      args: spec.args ?? [],
      env: { ...IMAGE_ENV, ...this.#kubernetesEnv(hostname), ...this.#envOf(spec) },
      mounts: [...this.#systemMounts(hostname), ...this.#volumes!.mountsOf(spec)],
      user,
      group,
      groups: [...new Set([group, ...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])])],
      capabilities: add,
      memory: memory === undefined ? undefined : MemoryGroup.make(`${metadata.name}-${spec.name}`, memory),
      hostname,
    };
    const container = await BoxContainer.start(spec.name, machine, image, wish, log);
    this.containers.set(spec.name, container);
    return container;
  }

  #kubernetesEnv(hostname: string): Record<string, string> {
    const { apiServer } = this.#settings;
    return { HOSTNAME: hostname, KUBERNETES_SERVICE_HOST: apiServer, KUBERNETES_SERVICE_PORT: "443" };
  }

  #envOf({ env = [] }: ContainerSpec): Record<string, string> {
    return Object.fromEntries(
      env.map(({ name, value = "", valueFrom }) => [
        name,
        valueFrom === undefined ? value : this.#field(valueFrom.fieldRef.fieldPath),
      ]),
    );
  }

  /** A label that the Pod has not is "", as of kubelets. */
  #field(path: string): string {
    const { metadata, spec } = this.object;
    const [, kind = "", key = ""] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
    if (kind !== "") return (metadata[kind as "labels"] as Readonly<Record<string, string>>)?.[key] ?? "";
    const fields: Readonly<Record<string, string | undefined>> = {
      "metadata.name": metadata.name,
      "metadata.namespace": metadata.namespace,
      "metadata.uid": metadata.uid,
      "spec.nodeName": spec.nodeName,
      "spec.serviceAccountName": spec.serviceAccountName,
      "status.hostIP": this.node.network.addresses[0],
      "status.podIP": this.addresses[0],
    };
    const found = fields[path];
    if (found === undefined) throw new Error(`fieldRef ${path} is none that this harness knows`);
    return found;
  }

  /** Files that kubelets write for every Pod. The node's own resolver knows no Service. */
  #systemMounts(hostname: string) {
    const { hostNetwork = false, dnsPolicy = "ClusterFirst" } = this.object.spec;
    const { namespace } = this.object.metadata;
    const ofCluster = hostNetwork ? dnsPolicy === "ClusterFirstWithHostNet" : dnsPolicy === "ClusterFirst";
    const search = `${namespace}.svc.cluster.local svc.cluster.local cluster.local`;
    const own = hostNetwork ? "" : `${this.addresses[0]}\t${hostname}\n`;
    const files = {
      hosts: `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${own}`,
      "resolv.conf": ofCluster
        ? `search ${search}\nnameserver ${this.#settings.dns}\noptions ndots:5\n`
        : "nameserver 127.0.0.1\n",
      hostname: `${hostname}\n`,
    };
    return Object.entries(files).map(([name, text]) => {
      const source = join(this.#folder, name);
      writeFileSync(source, text);
      return { source, target: `/etc/${name}`, readOnly: true };
    });
  }

  async #succeeds(container: BoxContainer, probe: Probe | undefined): Promise<void> {
    if (probe === undefined) return;
    const { periodSeconds = 10, failureThreshold = 3 } = probe;
    for (let tries = 1; !this.isLeaving; tries++) {
      this.problem = await container.probe(probe);
      if (this.problem === "") return;
      if (tries >= failureThreshold || container.hasEnded)
        throw new Error(`${container.name}: ${this.problem}; ${container.lines.slice(-20).join("\n")}`);
      await sleep(periodSeconds * 1_000);
    }
  }

  async #writeStatus(): Promise<void> {
    const { apiVersion, kind, metadata } = this.object;
    const { namespace = "", name } = metadata;
    await this.#settings.writer.applyStatus({
      apiVersion,
      kind,
      metadata: { namespace, name },
      status: {
        phase: this.isReady ? "Running" : "Pending",
        podIP: this.addresses[0],
        podIPs: this.addresses.map((ip) => ({ ip })),
        hostIP: this.node.network.addresses[0],
        conditions: [{ type: "Ready", status: this.isReady ? "True" : "False" }],
      },
    });
  }
}
