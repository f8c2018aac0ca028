import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { ApiClient } from "../../kube/api-client.ts";
import { ApiConnection } from "../../kube/api-connection.ts";
import { ApiError } from "../../kube/api-error.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import type { AdminSource } from "./admin-source.ts";
import { DirectAdmin, usualAdminAddress } from "./admin-source.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import type { IsobarPod } from "./isobar-pod.ts";
import { PodAdmin } from "./pod-admin.ts";
import { PodProgram } from "./pod-program.ts";

const PAGE = "500";
/** Pods asked at a time: each answer is a process in that Pod. */
const AT_A_TIME = 16;
/** What our Pods are labelled with, beside which part they are. */
const OURS = "app.kubernetes.io/name=isobar";
const PART = "app.kubernetes.io/component";

/** What one of many was asked, and said. */
export interface Answer<T> {
  readonly name: string;
  readonly value: T | undefined;
  /** Why there is no value; "" where there is. */
  readonly problem: string;
}

/** Isobar's Pods of a cluster and objects of its API server, as far as the rights of a kubeconfig go; or admin servers that were named. */
export class ClusterAccess {
  /** What could not be read, and which right it takes. */
  readonly notes: string[] = [];
  /** undefined: no API server is asked. */
  readonly api: ApiClient | undefined;
  readonly #connection: ApiConnection | undefined;
  readonly #flags: ClusterFlags;
  /** Admin servers that were named, once it is known whose they are. */
  #named: ReturnType<typeof namedServers> | undefined;
  #pods: Promise<readonly IsobarPod[] | undefined> | undefined;

  private constructor(flags: ClusterFlags, connection: ApiConnection | undefined) {
    this.#flags = flags;
    this.#connection = connection;
    this.api = connection === undefined ? undefined : new ApiClient(connection);
  }

  /** @throws ExitError where there is neither a kubeconfig nor an admin server to ask. */
  static open(flags: ClusterFlags): ClusterAccess {
    const { ISOBAR_ADMIN_ADDRESS = "" } = process.env;
    const wantsCluster = flags.kubeconfig !== undefined || flags.context !== undefined;
    if (flags.admin.length > 0) return new ClusterAccess(flags, undefined);
    if (ISOBAR_ADMIN_ADDRESS !== "" && !wantsCluster)
      return new ClusterAccess({ ...flags, admin: [usualAdminAddress()] }, undefined);
    try {
      return new ClusterAccess(flags, new ApiConnection({ file: flags.kubeconfig, context: flags.context }));
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      throw new ExitError(ExitCode.usage, `${found}; or ask admin servers by --admin`, { cause: error });
    }
  }

  /** The namespace that the kubeconfig's context names; "" without one. */
  get namespace(): string {
    return this.#connection?.namespace ?? "";
  }

  /** Isobar's Pods, as they were when first asked for; undefined where no cluster is asked, or they may not be listed. */
  pods(): Promise<readonly IsobarPod[] | undefined> {
    this.#pods ??= this.#listPods();
    return this.#pods;
  }

  async #listPods(): Promise<readonly IsobarPod[] | undefined> {
    const { systemNamespace } = this.#flags;
    const found = await this.list(`/api/v1/namespaces/${systemNamespace}/pods`, { labelSelector: OURS });
    return found?.flatMap((pod) => isobarPod(pod) ?? []);
  }

  /** Proxies that can be asked. */
  proxies(): Promise<readonly AdminSource[]> {
    return this.#sources("proxy");
  }

  /** Replicas of the control plane that can be asked. */
  controlPlanes(): Promise<readonly AdminSource[]> {
    return this.#sources("control-plane");
  }

  /** The program of each running Pod of a part; none where no cluster is asked. */
  async programs(container: IsobarPod["container"]): Promise<readonly PodProgram[]> {
    const connection = this.#connection;
    if (connection === undefined) return [];
    return ((await this.pods()) ?? [])
      .filter((pod) => pod.container === container && pod.phase === "Running")
      .map((pod) => new PodProgram(connection, pod));
  }

  /**
   * @param path of a list. @returns its objects; undefined where it may not be read, which {@link notes} then say, or there is no API server to ask.
   * @throws ExitError when the API server cannot be reached.
   */
  async list(
    path: string,
    query: Readonly<Record<string, string>> = {},
  ): Promise<readonly RawObject[] | undefined> {
    if (this.api === undefined) return undefined;
    const { signal } = new AbortController();
    const objects: RawObject[] = [];
    try {
      for (let next = ""; ; ) {
        const page = await this.api.list(
          path,
          { limit: PAGE, ...query, ...(next === "" ? {} : { continue: next }) },
          { metadataOnly: false, signal },
        );
        objects.push(...(page.items ?? []));
        next = page.metadata?.continue ?? "";
        if (next === "") return objects;
      }
    } catch (error) {
      return this.#unread(error, path, "listed");
    }
  }

  /**
   * @param path of one object. @returns it alone, nothing where it does not exist; undefined where it may not be read, which {@link notes} then say, or there is no API server to ask.
   * @throws ExitError when the API server cannot be reached.
   */
  async get(path: string): Promise<readonly RawObject[] | undefined> {
    if (this.api === undefined) return undefined;
    try {
      return [await this.api.get(path)];
    } catch (error) {
      return this.#unread(error, path, "read");
    }
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }

  /** @returns nothing where there is nothing; undefined where the rights do not reach. @throws ExitError otherwise. */
  #unread(error: unknown, path: string, verb: "listed" | "read"): readonly [] | undefined {
    if (!(error instanceof ApiError)) throw unreachable(error);
    if (error.code === 404) return [];
    if (![401, 403].includes(error.code)) throw unreachable(error);
    const note = `not shown, because it may not be ${verb}: ${path.replace(/^\/apis?\//, "")}`;
    if (!this.notes.includes(note)) this.notes.push(note);
    return undefined;
  }

  async #sources(container: IsobarPod["container"]): Promise<readonly AdminSource[]> {
    const connection = this.#connection;
    if (connection === undefined) {
      this.#named ??= namedServers(this.#flags.admin);
      return (await this.#named).get(container) ?? [];
    }
    return (await this.programs(container)).map((program) => new PodAdmin(program));
  }
}

/** @returns admin servers by whose they are: a control plane's has no `/status`. Who does not answer counts as a proxy. */
async function namedServers(
  addresses: readonly string[],
): Promise<ReadonlyMap<IsobarPod["container"], readonly AdminSource[]>> {
  const servers = addresses.map((address) => new DirectAdmin(address));
  const isControlPlane = await Promise.all(
    servers.map((server) =>
      server.get("/status").then(
        () => false,
        (error: unknown) => error instanceof ExitError && error.exitCode === ExitCode.usage,
      ),
    ),
  );
  return new Map([
    ["proxy", servers.filter((_, i) => !isControlPlane[i])],
    ["control-plane", servers.filter((_, i) => isControlPlane[i])],
  ]);
}

/** @returns what all of them say, in their order; some at a time. */
export async function askAll<T>(
  sources: readonly AdminSource[],
  path: string,
  read: (body: Buffer) => T = (body) => JSON.parse(body.toString("utf8")) as T,
  onAnswer: () => void = () => {},
): Promise<readonly Answer<T>[]> {
  const answers: Answer<T>[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < sources.length) {
      const index = next++;
      const { name } = sources[index]!;
      answers[index] = await sources[index]!.get(path).then(
        (body) => ({ name, value: read(body), problem: "" }),
        (error: unknown) => ({ name, value: undefined, problem: systemErrorText(error) }),
      );
      onAnswer();
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return answers;
}

/** @returns what to end with where the API server did not answer, or refused. */
export function unreachable(error: unknown): ExitError {
  if (error instanceof ExitError) return error;
  if (error instanceof ApiError) return new ExitError(ExitCode.unavailable, error.message, { cause: error });
  return new ExitError(
    ExitCode.unavailable,
    `the API server cannot be asked: ${systemErrorText(error)}; see --kubeconfig and --context`,
    { cause: error },
  );
}

interface RawPod {
  readonly nodeName?: string;
  readonly containers?: readonly { readonly name?: string; readonly args?: readonly string[] }[];
}

interface RawPodStatus {
  readonly phase?: string;
  readonly conditions?: readonly { readonly type?: string; readonly status?: string }[];
}

function isobarPod({ metadata, spec, status }: RawObject): IsobarPod | undefined {
  const { namespace = "", name = "", labels = {} } = metadata ?? {};
  const { phase = "", conditions = [] } = (status ?? {}) as RawPodStatus;
  const container = labels[PART];
  if (container !== "proxy" && container !== "control-plane") return undefined;
  return {
    namespace,
    name,
    container,
    node: ((spec ?? {}) as RawPod).nodeName ?? "",
    phase,
    isReady: conditions.some((each) => each.type === "Ready" && each.status === "True"),
    auditDir: auditDirOf((spec ?? {}) as RawPod),
  };
}

function auditDirOf({ containers = [] }: RawPod): string {
  const { args = [] } = containers.find(({ name }) => name === "control-plane") ?? {};
  const joined = args.find((each) => each.startsWith("--audit-dir="));
  if (joined !== undefined) return joined.slice("--audit-dir=".length);
  const at = args.indexOf("--audit-dir");
  return at < 0 ? "" : (args[at + 1] ?? "");
}
