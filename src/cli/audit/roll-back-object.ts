import type { JsonDiff, JsonObject } from "../../audit/json-diff.ts";
import { diffJson } from "../../audit/json-diff.ts";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { ApiClient } from "../../kube/api-client.ts";
import type { KubeConfigChoice } from "../../kube/api-connection.ts";
import { ApiConnection } from "../../kube/api-connection.ts";
import { ApiError } from "../../kube/api-error.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import { apiVersionOf, resourcePath } from "../../kube/resource-kind.ts";
import type { RollbackKind, RollbackWrite } from "./rollback-kind.ts";

/** Whose work it is, in managedFields and so in the audit. */
export const ROLLBACK_MANAGER = "isobar-rollback";

/** What is to be written where. */
export interface ObjectRollback {
  readonly kind: RollbackKind;
  /** `namespace/name`; of a Namespace its name. */
  readonly object: string;
  /** What the audit has of it. */
  readonly part: JsonObject;
  readonly kubeConfig: KubeConfigChoice;
  /** The API server checks, and keeps nothing. */
  readonly isDryRun: boolean;
}

/** What has changed. */
export interface RolledBack {
  readonly isDryRun: boolean;
  /** Whether it had been deleted. */
  readonly isNew: boolean;
  /** undefined: nothing, it said the same. */
  readonly diff: JsonDiff | undefined;
  /** As the API server has it now. */
  readonly resourceVersion: string;
}

/** Writes what the audit has of an object, unless somebody else writes it at the same time. @throws ExitError in words for people. */
export async function rollBackObject({
  kind,
  object,
  part,
  kubeConfig,
  isDryRun,
}: ObjectRollback): Promise<RolledBack> {
  const connection = connect(kubeConfig);
  const api = new ApiClient(connection);
  const [namespace = "", name = ""] = kind.kind === "Namespace" ? ["", object] : object.split("/");
  const path = resourcePath(kind.resource, namespace, name);
  const query = {
    fieldManager: ROLLBACK_MANAGER,
    fieldValidation: "Strict",
    ...(isDryRun ? { dryRun: "All" } : {}),
  };
  try {
    const current = await currentOf(api, path);
    const diff = diffJson(current === undefined ? {} : kind.partOf(current), part);
    if (current !== undefined && diff === undefined)
      return { isDryRun, isNew: false, diff, resourceVersion: current.metadata?.resourceVersion ?? "" };
    const written =
      current === undefined
        ? await api.write("POST", resourcePath(kind.resource, namespace), remade(kind, object, part), {
            query,
          })
        : await change(api, path, kind.write(current, part), query);
    return {
      isDryRun,
      isNew: current === undefined,
      diff,
      resourceVersion: written.metadata?.resourceVersion ?? "",
    };
  } catch (error) {
    if (error instanceof ExitError) throw error;
    if (error instanceof ApiError && error.code === 409)
      throw new ExitError(
        ExitCode.unavailable,
        `somebody else has just written ${kind.kind} ${object}; nothing was changed, look at it and try again`,
        { cause: error },
      );
    if (error instanceof ApiError) throw new ExitError(ExitCode.unavailable, error.message, { cause: error });
    throw new ExitError(ExitCode.unavailable, `the API server cannot be asked: ${systemErrorText(error)}`, {
      cause: error,
    });
  } finally {
    await connection.close();
  }
}

function change(
  api: ApiClient,
  path: string,
  { method, kind, body }: RollbackWrite,
  query: Readonly<Record<string, string>>,
): Promise<RawObject> {
  return api.write(method, path, body, { kind, query });
}

function connect(choice: KubeConfigChoice): ApiConnection {
  try {
    return new ApiConnection(choice);
  } catch (error) {
    throw new ExitError(ExitCode.usage, error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

async function currentOf(api: ApiClient, path: string): Promise<RawObject | undefined> {
  try {
    return await api.get(path);
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  }
}

/** @throws ExitError for what cannot be made again of what was recorded. */
function remade(kind: RollbackKind, object: string, part: JsonObject): object {
  const spec = kind.remade(part);
  if (spec === undefined)
    throw new ExitError(
      ExitCode.usage,
      `there is no ${kind.kind} ${object} whose annotations could be written`,
    );
  const [namespace = "", name = ""] = object.split("/");
  return {
    apiVersion: apiVersionOf(kind.resource),
    kind: kind.kind,
    metadata: { namespace, name },
    spec,
  };
}
