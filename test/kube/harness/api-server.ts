import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import { freePorts } from "../../support/free-ports.ts";
import { buildKubelab } from "./build-kubelab.ts";
import { KubeWriter } from "./kube-writer.ts";

const READY_MS = 60_000;

/** An API server with its etcd in two processes, so that each can be stopped, stalled and started again for itself. */
export class ApiServer {
  readonly folder: string;
  readonly kubeConfig: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly #program: string;
  #etcd: Child | undefined;
  #server: Child | undefined;
  #writer: KubeWriter | undefined;

  private constructor(program: string, folder: string, ports: readonly [number, number]) {
    this.#program = program;
    this.folder = folder;
    this.kubeConfig = join(folder, "kubeconfig");
    this.port = ports[0];
    this.etcdPort = ports[1];
  }

  /** Builds one if need be, and starts it. */
  static async start(): Promise<ApiServer> {
    const program = await buildKubelab();
    const folder = await mkdtemp(join(tmpdir(), "isobar-kube-"));
    const server = new ApiServer(program, folder, (await freePorts(2)) as [number, number]);
    try {
      await server.startEtcd();
      await server.startServer();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Writes objects as their controllers would. */
  get writer(): KubeWriter {
    this.#writer ??= new KubeWriter(this.kubeConfig);
    return this.#writer;
  }

  get etcdPid(): number {
    return this.#etcd!.pid!;
  }

  get serverPid(): number {
    return this.#server!.pid!;
  }

  async startEtcd(): Promise<void> {
    const args = ["etcd", "--data-dir", join(this.folder, "etcd"), "--port", String(this.etcdPort)];
    this.#etcd = new Child({ command: this.#program, args }, []);
    await this.#etcd.waitForOutput(/ready/, READY_MS);
  }

  async startServer(): Promise<void> {
    const args = ["--etcd", `http://127.0.0.1:${this.etcdPort}`, "--port", String(this.port)];
    const files = ["--cert-dir", join(this.folder, "certs"), "--kubeconfig", this.kubeConfig];
    this.#server = new Child({ command: this.#program, args: [...args, ...files] }, []);
    await this.#server.waitForOutput(/ready/, READY_MS);
  }

  /** Ends the API server on the spot; etcd goes on. */
  async killServer(): Promise<void> {
    this.#server?.signal("SIGKILL");
    await this.#server?.ended;
  }

  /** Stops etcd in its tracks, or lets it go on. */
  stallEtcd(isStalled: boolean): void {
    this.#etcd?.signal(isStalled ? "SIGSTOP" : "SIGCONT");
  }

  /** Makes etcd forget all versions but the present one. */
  async compact(): Promise<void> {
    const base = `http://127.0.0.1:${this.etcdPort}/v3/kv`;
    const range = await fetch(`${base}/range`, { method: "POST", body: JSON.stringify({ key: btoa("/") }) });
    const { header } = (await range.json()) as { readonly header: { readonly revision: string } };
    const body = JSON.stringify({ revision: header.revision, physical: true });
    const response = await fetch(`${base}/compaction`, { method: "POST", body });
    if (!response.ok) throw new Error(`compaction: ${await response.text()}`);
  }

  /** Definitions of kinds, and waits until they are served. */
  async install(file: string): Promise<void> {
    await this.writer.install(await readFile(file, "utf8"));
  }

  async close(): Promise<void> {
    this.stallEtcd(false);
    await this.#writer?.close();
    await this.#server?.stop();
    await this.#etcd?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
