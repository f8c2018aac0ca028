import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ClientHttp2Session, Http2Server, ServerHttp2Stream } from "node:http2";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { until } from "../../e2e/harness/until.ts";
import { freePorts } from "../../support/free-ports.ts";

/** What the proxy's configuration says beside its one cluster. */
export type MoreConfig = Readonly<Record<string, unknown>>;

/** A real proxy before three gRPC servers that answer at once, with its admin server on a unix socket. */
export class SmallFleet implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "isobar-fleet-"));
  readonly admin: string = `unix:${join(this.folder, "admin.sock")}`;
  readonly #servers: Http2Server[] = [];
  #proxy: Child | undefined;
  #session: ClientHttp2Session | undefined;

  static async start(node: string, more: MoreConfig = {}): Promise<SmallFleet> {
    const fleet = new SmallFleet();
    try {
      await fleet.#start(node, more);
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
    return fleet;
  }

  async #start(node: string, more: MoreConfig): Promise<void> {
    const [port] = (await freePorts(1)) as [number];
    for (let i = 0; i < 3; i++) this.#servers.push(await serve());
    const endpoints = this.#servers.map((server) => ({
      address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      zone: "a",
    }));
    const config = {
      node: { id: node, zone: "a" },
      admin: { address: this.admin },
      listeners: [{ name: "in", address: `127.0.0.1:${port}` }],
      clusters: [{ name: "echo.shop:50051", endpoints }],
      ...more,
    };
    const file = join(this.folder, "isobar.yaml");
    writeFileSync(file, JSON.stringify(config));
    const launcher = join(REPOSITORY, "src/cli/launch.mjs");
    this.#proxy = new Child({ command: process.execPath, args: [launcher] }, ["proxy", "--config", file]);
    let ended = "";
    void this.#proxy.ended.then(({ stderr }) => {
      ended = stderr || "without a word";
    });
    const agent = new Agent({ connect: { socketPath: this.admin.slice("unix:".length) } });
    await until(
      "the proxy is ready",
      () => {
        if (ended !== "") throw new Error(`the proxy has ended: ${ended}`);
        return request("http://localhost/ready", { dispatcher: agent }).then(
          async ({ statusCode, body }) => (await body.text()) !== "" && statusCode === 200,
          () => false,
        );
      },
      () => this.folder,
      30_000,
    ).finally(() => agent.destroy());
    this.#session = connect(`http://127.0.0.1:${port}`);
  }

  /** One call. @returns its grpc-status. */
  call(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const stream = this.#session!.request({
      ":method": "POST",
      ":path": "/echo.Echo/Say",
      ":authority": "echo.shop:50051",
      "content-type": "application/grpc",
      te: "trailers",
    });
    let status = "";
    stream.on("response", (headers) => {
      status = String(headers["grpc-status"] ?? "");
    });
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"] ?? "");
    });
    stream.on("error", reject);
    stream.on("close", () => resolve(status));
    stream.resume();
    stream.end(Buffer.alloc(5));
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session?.destroy();
    await this.#proxy?.stop();
    for (const server of this.#servers) server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function serve(): Promise<Http2Server> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.alloc(5));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
