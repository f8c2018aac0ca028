import { spawnSync } from "node:child_process";
import { BoxNamespace } from "./box-namespace.ts";

const PREFIX = "isobox";
const FORWARDS = ["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"];
/** What routes of Pods lead to; each end of a Pod's link on its node has them. */
const GATEWAYS = ["169.254.1.1", "fe80::1"] as const;

/** A Pod's place in the network. */
export interface PodNetwork {
  readonly namespace: BoxNamespace;
  /** IPv4, IPv6. */
  readonly addresses: readonly [string, string];
}

/** A node: forwards between its Pods and the others, each Pod behind a link of its own. */
export class NodeNetwork {
  readonly namespace: BoxNamespace;
  /** Of the node itself, IPv4, IPv6. */
  readonly addresses: readonly [string, string];
  readonly #index: number;
  readonly #pods = new Map<string, BoxNamespace>();
  #made = 1;

  /** @param index from 1. */
  constructor(namespace: BoxNamespace, index: number) {
    this.namespace = namespace;
    this.#index = index;
    this.addresses = nodeAddresses(index);
  }

  /** Makes the place of one more Pod. @param again an address that a Pod before it had. */
  addPod(again?: string): PodNetwork {
    const host = again === undefined ? ++this.#made : Number(again.split(".").at(-1));
    const [v4, v6] = [
      `10.88.${this.#index}.${host}`,
      `fd00:88:${this.#index}::${host.toString(16)}`,
    ] as const;
    const namespace = BoxNamespace.make(`${this.namespace.name}-p${host}`);
    const link = `p${host}`;
    this.namespace.ip(
      `link add ${link} type veth peer name eth0 netns ${namespace.name}`,
      `addr add ${GATEWAYS[0]}/32 dev ${link}`,
      `addr add ${GATEWAYS[1]}/64 dev ${link} nodad`,
      `link set ${link} up`,
      `route add ${v4}/32 dev ${link}`,
    );
    namespace.ip(
      `addr add ${v4}/32 dev eth0`,
      `addr add ${v6}/128 dev eth0 nodad`,
      "link set eth0 up",
      `route add ${GATEWAYS[0]} dev eth0 scope link`,
      `route add default via ${GATEWAYS[0]} dev eth0`,
      `route add ::/0 via ${GATEWAYS[1]} dev eth0`,
    );
    this.namespace.ip(`route add ${v6}/128 dev ${link}`);
    this.#pods.set(v4, namespace);
    return { namespace, addresses: [v4, v6] };
  }

  /** Takes the Pod's place away, whose processes have ended. Its addresses may be given again. */
  removePod({ namespace, addresses }: PodNetwork): void {
    namespace.remove();
    // The other end of the link goes later than the namespace's name.
    spawnSync("ip", ["-n", this.namespace.name, "link", "del", `p${addresses[0].split(".").at(-1)}`]);
    this.#pods.delete(addresses[0]);
  }

  remove(): void {
    for (const pod of this.#pods.values()) pod.remove();
    this.namespace.remove();
  }
}

/**
 * Nodes with their Pods, each a network namespace: nodes share a bridge and have routes to each other's Pods; one link leads to the
 * namespace of the tests, where the API server and the control plane run, as on a machine that is none of the cluster's.
 */
export class BoxNetwork implements Disposable {
  readonly nodes: NodeNetwork[] = [];
  /** Where nodes reach what runs in the tests' own namespace. */
  readonly outside: string;
  readonly #fabric: BoxNamespace;
  readonly #inside: string;
  readonly #link = `${PREFIX}${process.pid}`;
  readonly #onExit = (): void => this[Symbol.dispose]();

  private constructor(fabric: BoxNamespace, outside: string, inside: string) {
    this.#fabric = fabric;
    this.outside = outside;
    this.#inside = inside;
    // However the process ends, nothing of it stays; after SIGKILL the next one removes it.
    process.once("exit", this.#onExit);
  }

  /** @param count how many nodes, up to 9. */
  static open(count: number): BoxNetwork {
    removeAbandoned();
    const name = `${PREFIX}-${process.pid}`;
    const [outside, inside] = outsideAddresses();
    const network = new BoxNetwork(BoxNamespace.make(`${name}-fabric`, FORWARDS), outside, inside);
    try {
      network.#open();
      for (let index = 1; index <= count; index++) network.#addNode(`${name}-n${index}`, index, count);
      return network;
    } catch (error) {
      network[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    process.removeListener("exit", this.#onExit);
    spawnSync("ip", ["link", "del", this.#link]);
    for (const node of this.nodes) node.remove();
    this.#fabric.remove();
  }

  /**
   * Lets Pods reach what runs in the tests' own namespace, and that these ClusterIPs, by way of the first node's kube-proxy: the API server calls webhooks there. It ends with the box.
   *
   * @param range of IPv4.
   */
  joinOutside(range: string): void {
    ipHere(`route add ${range} via ${this.#inside} dev ${this.#link}`);
    this.#fabric.ip(
      `route add ${range} via ${nodeAddresses(1)[0]}`,
      ...this.nodes.map((_, at) => `route add 10.88.${at + 1}.0/24 via ${nodeAddresses(at + 1)[0]}`),
    );
  }

  #open(): void {
    this.#fabric.ip("link add br0 type bridge", "addr add 172.30.88.254/24 dev br0", "link set br0 up");
    ipHere(
      `link add ${this.#link} type veth peer name out netns ${this.#fabric.name}`,
      `addr add ${this.outside}/31 dev ${this.#link}`,
      `link set ${this.#link} up`,
    );
    this.#fabric.ip(`addr add ${this.#inside}/31 dev out`, "link set out up");
    // Outside nobody knows the cluster's addresses, and two boxes may have the same.
    this.#fabric.nft(`table ip out {
  chain post {
    type nat hook postrouting priority srcnat;
    oifname "out" masquerade
  }
}`);
  }

  #addNode(name: string, index: number, count: number): void {
    const namespace = BoxNamespace.make(name, FORWARDS);
    const node = new NodeNetwork(namespace, index);
    this.nodes.push(node);
    this.#fabric.ip(
      `link add n${index} type veth peer name eth0 netns ${name}`,
      `link set n${index} master br0 up`,
    );
    const others = Array.from({ length: count }, (_, at) => at + 1).filter((other) => other !== index);
    namespace.ip(
      `addr add ${node.addresses[0]}/24 dev eth0`,
      `addr add ${node.addresses[1]}/64 dev eth0 nodad`,
      "link set eth0 up",
      // ClusterIPs have to lead somewhere, so that packets to them come as far as the tables.
      "route add default via 172.30.88.254",
      "route add ::/0 dev eth0",
      ...others.map((other) => `route add 10.88.${other}.0/24 via ${nodeAddresses(other)[0]}`),
      ...others.map((other) => `route add fd00:88:${other}::/64 via ${nodeAddresses(other)[1]}`),
    );
  }
}

function nodeAddresses(index: number): readonly [string, string] {
  return [`172.30.88.${index}`, `fd00:30::${index}`];
}

/** @returns two addresses of the range for benchmarks (RFC 2544), by the process's id. */
function outsideAddresses(): readonly [outside: string, inside: string] {
  const low = (process.pid * 2) % 0x1_0000;
  return [low, low + 1].map((each) => `198.18.${each >> 8}.${each & 255}`) as [string, string];
}

function ipHere(...commands: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", ["-batch", "-"], {
    encoding: "utf8",
    input: commands.join("\n"),
  });
  if (status !== 0) throw new Error(`ip: ${stderr}`);
}

/** Removes what processes have left that could not: they are dead. */
function removeAbandoned(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  for (const [name, pid] of stdout.matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\S+`, "gm"))) {
    if (!isAlive(Number(pid))) BoxNamespace.removeAbandoned(name);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
