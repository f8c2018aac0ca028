import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SdkBackend } from "../../sdk/harness/sdk-backend.ts";
import { StaticControlPlane } from "../../sdk/harness/static-control-plane.ts";
import { ROOT } from "../repository-files.ts";
import { build, run, stageBuild } from "./build-stage.ts";

/** Oldest Node that programs with the client may run on. */
const OLDEST = 20;
const ECHO = "echo.default:50051";
/** Folders of the build that the client is made of. */
const OWN =
  /^(?:base|config|grpc|lb|resource|route|sdk|telemetry|xds\/client|xds\/generated|xds\/load|xds\/resources)\//;
/** Of the configuration it reads files named by its options, and nothing of the schema. */
const OF_CONFIG = ["config/read-tls-files.js", "config/read-token-file.js", "config/system-error-text.js"];
const PACKAGES = /^(?:@bufbuild\/protobuf|@grpc\/grpc-js|@js-sdsl\/ordered-map)$/;

/** What lists every script there is after the client was loaded. */
const LIST_SCRIPTS = `
import { Session } from "node:inspector";
const urls = [];
const session = new Session();
session.connect();
session.on("Debugger.scriptParsed", ({ params }) => urls.push(params.url));
session.post("Debugger.enable");
await import("isobar/client");
console.log(JSON.stringify(urls.filter((url) => url.startsWith("file:") || url.startsWith("/"))));
`;

/** A program as its users write it. */
const PROGRAM = `
const same = (octets) => octets;
configure({ controlPlane: process.argv[2], insecure: true });
const client = new grpc.Client("isobar:///${ECHO}", grpc.credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
client.makeUnaryRequest("/test.Echo/Name", same, same, Buffer.from("x"), { deadline: Date.now() + 20000 }, (error, name) => {
  console.log(error ? error.message : String(name), explain().services[0]?.state);
});
`;

const TYPED = `
import type { ClientOptions, ExplainedClient } from "isobar/client";
import { configure, explain, register } from "isobar/client";
import * as grpc from "@grpc/grpc-js";
const options: ClientOptions = { controlPlane: ["a:1", "b:2"], zone: "a" };
configure(options);
register(grpc);
const known: ExplainedClient = explain("greeter.default:50051", 5);
const share: number | undefined = known.services[0]?.clusters[0]?.tiers[0]?.share;
console.log(share, known.picks[0]?.winner);
`;

/** The machine's own Node, as programs run it: not the one that the project brings. */
function findNode(): { readonly path: string; readonly major: number } | { readonly missing: string } {
  const found: string[] = [];
  const { PATH = "" } = process.env;
  for (const folder of PATH.split(delimiter)) {
    const path = join(folder, "node");
    if (folder.includes("node_modules") || !existsSync(path)) continue;
    const version = spawnSync(path, ["--version"], { encoding: "utf8" }).stdout;
    const major = Number(/^v([0-9]+)\./.exec(version)?.[1]);
    if (major >= OLDEST) return { path, major };
    found.push(version.trim());
  }
  return {
    missing: `a Node of the machine's own, ${OLDEST} or newer, is needed; found ${found.join() || "none"}`,
  };
}

const machine = findNode();

describe("the client as programs get it", { skip: "missing" in machine && machine.missing }, () => {
  if ("missing" in machine) return;
  const { path: node } = machine;
  let folder = "";
  let consumer = "";
  let backend: SdkBackend;
  let controlPlane: StaticControlPlane;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "isobar-client-"));
    const built = join(folder, "isobar");
    stageBuild(built);
    const { code, out, err } = build(built);
    assert.equal(code, 0, out + err);
    consumer = join(folder, "consumer");
    mkdirSync(join(consumer, "node_modules/@grpc"), { recursive: true });
    symlinkSync(built, join(consumer, "node_modules/isobar"));
    symlinkSync(join(ROOT, "node_modules/@grpc/grpc-js"), join(consumer, "node_modules/@grpc/grpc-js"));
    symlinkSync(join(ROOT, "node_modules/@types"), join(consumer, "node_modules/@types"));
    backend = await SdkBackend.start("only");
    const clusters = [{ name: ECHO, endpoints: [{ address: backend.address }] }];
    controlPlane = await StaticControlPlane.start(JSON.stringify({ clusters }));
  });
  after(async () => {
    backend?.stop();
    await controlPlane?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a program on the machine's own Node. */
  async function program(
    name: string,
    text: string,
    ...args: string[]
  ): Promise<{ code: number | null; out: string; err: string }> {
    writeFileSync(join(consumer, name), text);
    const child = spawn(node, [name, ...args], { cwd: consumer, timeout: 60_000 });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (out += part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => (err += part));
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { code, out, err };
  }

  it("loads nothing of the daemon, and two packages", async () => {
    const { code, out, err } = await program("list.mjs", LIST_SCRIPTS);
    assert.equal(code, 0, err);
    const urls = JSON.parse(out) as string[];
    const own = urls
      .filter((url) => url.includes("/isobar/dist/"))
      .map((url) => url.split("/isobar/dist/")[1]!);
    assert.ok(own.includes("sdk/client.js") && own.includes("lb/tiered-picker.js"), own.join("\n"));
    assert.deepEqual(
      own.filter((path) => !OWN.test(path)),
      [],
    );
    assert.deepEqual(own.filter((path) => path.startsWith("config/")).sort(), OF_CONFIG);
    const packages = urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
    assert.deepEqual(
      [...new Set(packages)].filter((name) => !PACKAGES.test(name)),
      [],
    );
  });

  it("serves a program of ES modules, which ends by itself", async () => {
    const head =
      'import * as grpc from "@grpc/grpc-js";\nimport { configure, explain } from "isobar/client";\n';
    const { code, out, err } = await program("program.mjs", head + PROGRAM, controlPlane.address);
    assert.deepEqual({ code, out, err }, { code: 0, out: "only cluster\n", err: "" });
  });

  it("serves a program of CommonJS", async () => {
    const head =
      'const grpc = require("@grpc/grpc-js");\nimport("isobar/client").then(({ configure, explain }) => {\n';
    const { code, out, err } = await program("program.cjs", `${head}${PROGRAM}});`, controlPlane.address);
    assert.deepEqual({ code, out, err }, { code: 0, out: "only cluster\n", err: "" });
  });

  it("serves a program with a copy of grpc-js of its own, once that was handed over", async () => {
    const other = join(consumer, "other");
    const packages = join(other, "node_modules");
    mkdirSync(join(packages, "@grpc"), { recursive: true });
    cpSync(join(ROOT, "node_modules/@grpc/grpc-js"), join(packages, "@grpc/grpc-js"), { recursive: true });
    symlinkSync(join(ROOT, "node_modules/@grpc/proto-loader"), join(packages, "@grpc/proto-loader"));
    symlinkSync(join(ROOT, "node_modules/@js-sdsl"), join(packages, "@js-sdsl"));
    const head =
      'import * as grpc from "@grpc/grpc-js";\nimport { configure, explain, register } from "isobar/client";\n';
    const without = await program("other/without.mjs", head + PROGRAM, controlPlane.address);
    assert.match(without.out, /Name resolution failed for target dns:isobar:/);
    const handed = await program(
      "other/with.mjs",
      `${head}register(grpc);\n${PROGRAM}`,
      controlPlane.address,
    );
    assert.deepEqual(handed, { code: 0, out: "only cluster\n", err: "" });
  });

  it("says what is wrong where nothing is configured, before a call is lost in silence", async () => {
    const text =
      'import { explain } from "isobar/client";\ntry { explain(); } catch (error) { console.log(error.message); }\n';
    const { out, err } = await program("nothing.mjs", text);
    assert.match(
      out,
      /^isobar: found neither a control plane nor the address of the node's proxy, wanted /,
      err,
    );
  });

  it("has types that a strict program is checked by", () => {
    const options = { strict: true, module: "nodenext", target: "es2022", types: ["node"], noEmit: true };
    const tsc = (text: string) => {
      writeFileSync(join(consumer, "typed.mts"), text);
      writeFileSync(
        join(consumer, "tsconfig.json"),
        JSON.stringify({ compilerOptions: { ...options, skipLibCheck: false }, files: ["typed.mts"] }),
      );
      return run(join(ROOT, "node_modules/.bin/tsc"), ["-p", "tsconfig.json"], consumer);
    };
    const good = tsc(TYPED);
    assert.deepEqual(good, { code: 0, out: "", err: "" });
    const wrong = tsc(TYPED.replace('zone: "a"', "zone: 1"));
    assert.match(wrong.out, /typed\.mts\(5,.*Type 'number' is not assignable to type 'string'/);
  });
});
