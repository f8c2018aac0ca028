import type { JsonDiff, JsonObject } from "../../audit/json-diff.ts";
import { diffJson } from "../../audit/json-diff.ts";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { ApiClient } from "../../kube/api-client.ts";
import type { KubeConfigChoice } from "../../kube/api-connection.ts";
import { ApiConnection } from "../../kube/api-connection.ts";
import { ApiError } from "../../kube/api-error.ts";
import { TRAFFIC_POLICIES } from "../../kube/objects/traffic-policy-object.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import { apiVersionOf, resourcePath } from "../../kube/resource-kind.ts";

/** Whose work it is, in managedFields and so in the audit. */
export const ROLLBACK_MANAGER = "isobar-rollback";

/** What is to be written where. */
export interface PolicyRollback {
  /** `namespace/name`. */
  readonly policy: string;
  readonly spec: JsonObject;
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

/** Writes a TrafficPolicy's spec as it was, unless somebody else writes it at the same time. @throws ExitError in words for people. */
export async function rollBackPolicy({
  policy,
  spec,
  kubeConfig,
  isDryRun,
}: PolicyRollback): Promise<RolledBack> {
  const connection = connect(kubeConfig);
  const api = new ApiClient(connection);
  const [namespace = "", name = ""] = policy.split("/");
  const path = resourcePath(TRAFFIC_POLICIES, namespace, name);
  const query = {
    fieldManager: ROLLBACK_MANAGER,
    fieldValidation: "Strict",
    ...(isDryRun ? { dryRun: "All" } : {}),
  };
  try {
    const current = await currentOf(api, path);
    const before = (current?.spec ?? {}) as JsonObject;
    const diff = diffJson(before, spec);
    if (current !== undefined && diff === undefined)
      return { isDryRun, isNew: false, diff, resourceVersion: current.metadata?.resourceVersion ?? "" };
    // All of the spec is replaced: what was added since has to go too, which applying would leave to its owner.
    const written =
      current === undefined
        ? await api.write(
            "POST",
            resourcePath(TRAFFIC_POLICIES, namespace),
            newObject(namespace, name, spec),
            { query },
          )
        : await api.write("PUT", path, { ...current, spec }, { query });
    return {
      isDryRun,
      isNew: current === undefined,
      diff,
      resourceVersion: written.metadata?.resourceVersion ?? "",
    };
  } catch (error) {
    if (error instanceof ApiError && error.code === 409)
      throw new ExitError(
        ExitCode.unavailable,
        `somebody else has just written TrafficPolicy ${policy}; nothing was changed, look at it and try again`,
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

function newObject(namespace: string, name: string, spec: JsonObject): object {
  return {
    apiVersion: apiVersionOf(TRAFFIC_POLICIES),
    kind: TRAFFIC_POLICIES.kind,
    metadata: { namespace, name },
    spec,
  };
}
