import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import { go } from "../../clients/harness/go.ts";
import type { Program } from "../../clients/harness/language.ts";
import type { KubeWriter, Manifest } from "../../kube/harness/kube-writer.ts";
import type { BoxNamespace } from "./box-namespace.ts";
import type { PodNetwork } from "./box-network.ts";

const READY_LIMIT_MS = 30_000;

/** A Pod with its object: a network namespace in which programs are run. */
export class BoxPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly network: PodNetwork;
  readonly #object: Manifest;
  readonly #writer: KubeWriter;
  readonly #folder: string;
  readonly #children: Child[] = [];
  readonly #calls = new Map<string, number>();
  #journal = "";
  #readOctets = 0;

  /** @param object as it was written, with its UID. */
  constructor(object: Manifest, node: string, network: PodNetwork, writer: KubeWriter, folder: string) {
    this.#object = object;
    this.namespace = object.metadata.namespace ?? "";
    this.name = object.metadata.name;
    this.uid = object.metadata.uid ?? "";
    this.node = node;
    this.network = network;
    this.#writer = writer;
    this.#folder = folder;
  }

  /** IPv4, IPv6. */
  get addresses(): readonly [string, string] {
    return this.network.addresses;
  }

  get machine(): BoxNamespace {
    return this.network.namespace;
  }

  /** Writes its annotations anew. @param annotations with their prefix. */
  async annotate(annotations: Readonly<Record<string, string>>): Promise<void> {
    const { metadata, ...rest } = this.#object;
    const { name, namespace = "", labels = {} } = metadata;
    await this.#writer.apply({ ...rest, metadata: { name, namespace, labels, annotations } });
  }

  /** Runs a program of the tests in it, with what its clients print. */
  run(program: Program, args: readonly string[]): Child {
    const child = new Child(this.machine.enter(program), args);
    this.#children.push(child);
    return child;
  }

  /** Runs the echo server at a port of both families, and waits until it serves. Its calls are in a journal. */
  async serve(port: number): Promise<void> {
    this.#journal = join(this.#folder, `${this.namespace}-${this.name}.journal`);
    const args = [
      "serve",
      "--host",
      "::",
      "--port",
      String(port),
      "--name",
      this.name,
      "--journal",
      this.#journal,
    ];
    await this.run(go.program, args).waitForOutput(/^ready \S+$/m, READY_LIMIT_MS);
  }

  /** @returns how many calls its echo server has begun for a client, by what the ids of the client's calls begin with. */
  callsOf(client: string): number {
    const text = Buffer.alloc(statSync(this.#journal).size - this.#readOctets);
    const file = openSync(this.#journal, "r");
    const length = readSync(file, text, 0, text.length, this.#readOctets);
    closeSync(file);
    const end = text.subarray(0, length).lastIndexOf("\n") + 1;
    if (end === 0) return this.#calls.get(client) ?? 0;
    for (const id of text.toString("latin1", 0, end - 1).split("\n")) {
      const name = id.slice(0, id.indexOf("-"));
      this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
    }
    this.#readOctets += end;
    return this.#calls.get(client) ?? 0;
  }

  /** Ends what runs in it as kubelets do. */
  async stopPrograms(): Promise<void> {
    await Promise.all(this.#children.splice(0).map((child) => child.stop()));
  }

  /** Ends what runs in it on the spot, as when its node loses its power. */
  async killPrograms(): Promise<void> {
    const children = this.#children.splice(0);
    for (const child of children) child.signal("SIGKILL");
    await Promise.all(children.map((child) => child.ended));
  }

  /** Takes its object away; its programs and its place in the network are the node's. */
  async deleteObject(): Promise<void> {
    await this.#writer.delete(this.#object);
  }
}
