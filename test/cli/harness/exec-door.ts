import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import { createServer, request } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import type { Program } from "../../clients/harness/language.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { TestAuthority } from "../../support/test-authority.ts";

const LAUNCHER = join(REPOSITORY, "src/cli/launch.mjs");
/** RFC 6455 §1.3. */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const [BINARY, CLOSE] = [2, 8];

/**
 * Stands before a test's API server, which has no kubelets, and answers `pods/exec` as kubelets do by `v4.channel.k8s.io`: the command runs on this machine, with the admin
 * address of the Pod's container in its environment. Everything else goes on to the API server.
 */
export class ExecDoor {
  /** Where the admin server of a Pod is; of others exec is refused. */
  readonly admins = new Map<string, string>();
  /** How commands run in the containers of a Pod, which then needs no place in {@link admins}. */
  readonly pods = new Map<string, (container: string, words: readonly string[]) => Program>();
  /** Commands that were run, as `namespace/pod/container: words`. */
  readonly commands: string[] = [];
  readonly #authority = new TestAuthority();
  readonly #server: Server;
  readonly #targetPort: number;

  readonly #host: string;

  private constructor(targetPort: number, addresses: readonly [string, ...string[]]) {
    this.#targetPort = targetPort;
    this.#host = addresses[0];
    const subjectAltNames = addresses.map((each) => `IP:${each}`);
    const { cert, key } = this.#authority.issue({ subjectAltNames });
    this.#server = createServer({ cert, key }, (incoming, outgoing) => this.#pass(incoming, outgoing));
    this.#server.on("upgrade", (incoming: IncomingMessage, socket: Socket) => this.#exec(incoming, socket));
  }

  /** @param addresses what it listens at, and others that lead there. */
  static async start(
    targetPort: number,
    addresses: readonly [string, ...string[]] = ["127.0.0.1"],
  ): Promise<ExecDoor> {
    const door = new ExecDoor(targetPort, addresses);
    await new Promise<void>((resolve) => door.#server.listen(0, addresses[0], resolve));
    return door;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What it is trusted by. */
  get ca(): string {
    return this.#authority.ca;
  }

  /** Writes a kubeconfig that leads here. @returns its file. */
  kubeConfig(name: string, token: string): string {
    const file = join(this.#authority.folder, `${name}.kubeconfig`);
    const server = `https://${this.#host}:${this.port}`;
    const data = Buffer.from(this.#authority.ca).toString("base64");
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": name,
        clusters: [{ name, cluster: { server, "certificate-authority-data": data } }],
        users: [{ name, user: { token } }],
        contexts: [{ name, context: { cluster: name, user: name } }],
      }),
    );
    return file;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    this.#authority.remove();
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, url, headers } = incoming;
    const to = { host: "127.0.0.1", port: this.#targetPort, method, path: url, headers };
    // The test has started it itself.
    const onward = request({ ...to, rejectUnauthorized: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      // A watch has nothing else to say at first.
      outgoing.flushHeaders();
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  #exec({ url = "", headers }: IncomingMessage, socket: Socket): void {
    socket.on("error", () => {});
    const { pathname, searchParams } = new URL(url, "https://api");
    const [, namespace = "", pod = ""] =
      /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/exec$/.exec(pathname) ?? [];
    const admin = this.admins.get(`${namespace}/${pod}`);
    const protocols = `${headers["sec-websocket-protocol"]}`.split(/, */);
    const inPod = this.pods.get(`${namespace}/${pod}`);
    if (
      (admin === undefined && inPod === undefined) ||
      headers.authorization === undefined ||
      !protocols.includes("v4.channel.k8s.io")
    ) {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}${MAGIC}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\nsec-websocket-protocol: v4.channel.k8s.io\r\n\r\n`,
    );
    const words = searchParams.getAll("command");
    const container = searchParams.get("container") ?? "";
    this.commands.push(`${namespace}/${pod}/${container}: ${words.join(" ")}`);
    const here = {
      command: process.execPath,
      args: [LAUNCHER, ...words.slice(1)],
      env: { ISOBAR_ADMIN_ADDRESS: admin ?? "" },
    };
    const { command, args, env } = inPod?.(container, words) ?? here;
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (octets: Buffer) => socket.write(frame(BINARY, 1, octets)));
    child.stderr.on("data", (octets: Buffer) => socket.write(frame(BINARY, 2, octets)));
    child.on("close", (code) => {
      const status =
        code === 0
          ? { status: "Success" }
          : {
              status: "Failure",
              reason: "NonZeroExitCode",
              message: `command terminated with non-zero exit code: exit status ${code}`,
              details: { causes: [{ reason: "ExitCode", message: `${code}` }] },
            };
      socket.write(frame(BINARY, 3, Buffer.from(JSON.stringify(status))));
      socket.end(frame(CLOSE, 0x03, Buffer.from([0xe8])));
    });
    socket.on("data", (octets: Buffer) => {
      if ((octets[0]! & 0x0f) === CLOSE) socket.end();
    });
    // The client leaves: the kubelet ends what it has started.
    socket.on("close", () => child.kill());
  }
}

/** A frame of a server, RFC 6455 §5.2: whole, without a mask. */
function frame(opcode: number, channel: number, content: Buffer): Buffer {
  const length = content.length + 1;
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : length < 65_536
        ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff])
        : Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, ...uint32(length)]);
  return Buffer.concat([head, Buffer.from([channel]), content]);
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
