import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../clients/harness/child.ts";
import type { Language, Program } from "../../clients/harness/language.ts";
import { CACHE } from "../../clients/harness/paths.ts";
import { findTools } from "../../clients/harness/toolchain.ts";
import { freePort } from "../../support/free-port.ts";

const INTEROP = join(import.meta.dirname, "..");
const READY_LIMIT_MS = 30_000;
const LOOK_LIMIT_MS = 60_000;
const version = /(\d+)\.(\d+)\S*/;

/** The gRPC project's own interoperability client and server in one language. */
export interface Stack extends Language {
  readonly server: Program;
  /** Arguments after which `--test_case` and the address follow. */
  readonly clientArgs: readonly string[];
  readonly serverArgs: readonly string[];
  /** Every test case the client knows, read from itself. */
  cases(): Promise<string[]>;
}

const goOutput = join(CACHE, "interop-go");
const goEnv = { GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
const goPackages = ["google.golang.org/grpc/interop/client", "google.golang.org/grpc/interop/server"];
const goSource = join(INTEROP, "go");

const go: Stack = {
  name: "grpc-go interop",
  source: goSource,
  output: goOutput,
  program: { command: join(goOutput, "client"), args: [] },
  server: { command: join(goOutput, "server"), args: [] },
  clientArgs: [],
  serverArgs: [],
  findToolchain: () =>
    findTools([{ command: "go", args: ["version"], version: /go(\d+)\.(\d+)\S*/, atLeast: [1, 26] }]),
  steps: () => [
    { kind: "fetch", command: "go", args: ["mod", "download"], env: goEnv },
    {
      kind: "compile",
      command: "go",
      args: ["build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", `${goOutput}/`, ...goPackages],
      env: goEnv,
    },
  ],
  async cases() {
    // Its usage leaves some out, so the switch over the cases is read too.
    const list = ["list", "-mod=readonly", "-f", "{{.Dir}}", goPackages[0]!];
    const { stdout } = await new Child({ command: "go", args: list, env: goEnv }, [], goSource).waitForEnd(
      LOOK_LIMIT_MS,
    );
    const source = await readFile(join(stdout.trim(), "client.go"), "utf8");
    const run = [...source.matchAll(/^\tcase "(\w+)":$/gm)].map(([, name]) => name!);
    const told = [...source.matchAll(/^ {8}(\w+) ?: /gm)].map(([, name]) => name!);
    return [...new Set([...run, ...told])].sort();
  },
};

const javaSource = join(INTEROP, "java");
const javaOutput = join(javaSource, "target");
const javaProgram = (main: string): Program => ({
  command: "java",
  args: [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xmx512m",
    "-cp",
    `${join(javaOutput, "lib")}/*`,
    `io.grpc.testing.integration.${main}`,
  ],
});

const java: Stack = {
  name: "grpc-java interop",
  source: javaSource,
  output: javaOutput,
  program: javaProgram("TestServiceClient"),
  server: javaProgram("TestServiceServer"),
  clientArgs: ["--use_tls=false"],
  serverArgs: ["--use_tls=false", "--address_type=IPV4"],
  findToolchain: () =>
    findTools([
      { command: "java", args: ["-version"], version, atLeast: [17, 0] },
      { command: "mvn", args: ["--version"], version, atLeast: [3, 8] },
    ]),
  steps: () => [
    {
      kind: "fetch",
      command: "mvn",
      args: ["--batch-mode", "--quiet", "-Dstyle.color=never", "dependency:copy-dependencies"],
    },
  ],
  async cases() {
    const { stdout, stderr } = await new Child(this.program, ["--help"]).waitForEnd(LOOK_LIMIT_MS);
    return [...`${stdout}${stderr}`.matchAll(/^ {6}(\w+): /gm)].map(([, name]) => name!).sort();
  },
};

/** The stacks by the word that names them in tests and in the list of exclusions. */
export const STACKS: { readonly go: Stack; readonly java: Stack } = { go, java };
export type StackName = keyof typeof STACKS;

/** An interoperability server on a port of its own. */
export class InteropServer {
  readonly address: string;
  readonly child: Child;

  private constructor(address: string, child: Child) {
    this.address = address;
    this.child = child;
  }

  static async start(stack: Stack): Promise<InteropServer> {
    const port = await freePort();
    const child = new Child(stack.server, [...stack.serverArgs, `--port=${port}`]);
    const server = new InteropServer(`127.0.0.1:${port}`, child);
    let ended = false;
    void child.ended.then(() => {
      ended = true;
    });
    const limit = performance.now() + READY_LIMIT_MS;
    while (!(await answers(port))) {
      if (ended || performance.now() > limit) {
        throw new Error(`${stack.name}: no server: ${(await child.stop()).stderr}`);
      }
      await sleep(30);
    }
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
