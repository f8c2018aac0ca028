import type { CloseEvent, ErrorEvent, MessageEvent } from "undici";
import { WebSocket } from "undici";
import type { ApiConnection } from "./api-connection.ts";
import type { RawStatus } from "./api-error.ts";

/** What is to run where. */
export interface PodCommand {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
}

/** How a command in a container ended. */
export interface PodCommandEnd {
  /** Exit code; -1 where it cannot be known. */
  readonly code: number;
  /** Why it did not run to its end, or what it failed with; "" after success. */
  readonly message: string;
  /** The beginning of what it wrote to standard error. */
  readonly stderr: string;
}

/**
 * Spoken by every kubelet since Kubernetes 1.4, by way of any API server, which hands it through; version 5 is translated by some of them and
 * adds only the end of the input, of which there is none here. Source: k8s.io/apimachinery/pkg/util/remotecommand.
 */
const PROTOCOL = "v4.channel.k8s.io";
const CHANNEL = { stdout: 1, stderr: 2, status: 3 } as const;
const MAX_STDERR = 4_096;

/**
 * Runs a command in a container, as `kubectl exec` does, without input or terminal. It takes the right to `create` (of some API servers also to `get`) `pods/exec`.
 *
 * @param onOutput told what it writes, as it comes.
 * @param signal ends it.
 * @returns how it ended; a command or Pod that does not exist, and rights that are missing, are an end with a message.
 */
export async function execInPod(
  connection: ApiConnection,
  { namespace, pod, container, command }: PodCommand,
  onOutput: (octets: Buffer) => void,
  signal?: AbortSignal,
): Promise<PodCommandEnd> {
  const { origin, dispatcher, headers } = await connection.prepare();
  const url = new URL(
    `${origin.replace(/^http/, "ws")}/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec`,
  );
  for (const word of command) url.searchParams.append("command", word);
  url.searchParams.set("container", container);
  url.searchParams.set("stdout", "true");
  url.searchParams.set("stderr", "true");
  const socket = new WebSocket(url, { protocols: PROTOCOL, dispatcher, headers });
  socket.binaryType = "arraybuffer";
  const { promise, resolve } = Promise.withResolvers<PodCommandEnd>();
  let stderr = "";
  let failure = "";
  let isOpen = false;
  const abort = (): void => {
    resolve({ code: -1, message: "given up", stderr });
    socket.close();
  };
  signal?.addEventListener("abort", abort, { once: true });
  socket.addEventListener("open", () => {
    isOpen = true;
  });
  socket.addEventListener("message", ({ data }: MessageEvent) => {
    const octets = Buffer.from(data as ArrayBuffer);
    const content = octets.subarray(1);
    if (octets[0] === CHANNEL.stdout) onOutput(content);
    else if (octets[0] === CHANNEL.stderr) stderr = (stderr + content.toString()).slice(0, MAX_STDERR);
    else if (octets[0] === CHANNEL.status) resolve(endOf(content.toString(), stderr));
  });
  socket.addEventListener("error", ({ message, error }: ErrorEvent) => {
    failure = causeOf(error) || message;
  });
  socket.addEventListener("close", ({ code, reason }: CloseEvent) => {
    // What the API server answered instead is not told.
    const refused =
      "the API server refused it: is the Pod still there, and may you create and get pods/exec?";
    const ended = isOpen ? reason || `the connection ended with code ${code}` : refused;
    const why = failure || ended;
    resolve({ code: -1, message: why, stderr });
  });
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", abort);
    socket.close();
  }
}

/** Source: k8s.io/apimachinery, meta/v1 Status; of a command that failed `details.causes` has its exit code. */
function endOf(text: string, stderr: string): PodCommandEnd {
  let status: RawStatus & { readonly status?: string };
  try {
    status = JSON.parse(text) as typeof status;
  } catch {
    return { code: -1, message: text.slice(0, 200), stderr };
  }
  if (status.status === "Success") return { code: 0, message: "", stderr };
  const exit = status.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message ?? "";
  return {
    code: /^\d+$/.test(exit) ? Number(exit) : -1,
    message: status.message ?? text.slice(0, 200),
    stderr,
  };
}

/** undici says why only in what lies behind. */
function causeOf(error: unknown): string {
  let found = error;
  while (found instanceof Error && found.cause instanceof Error) found = found.cause;
  return found instanceof Error ? found.message : "";
}
