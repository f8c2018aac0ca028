import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { request } from "undici";
import { parseAllDocuments } from "yaml";
import { ApiConnection } from "../../../src/kube/api-connection.ts";

/** An object as it is written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: object;
    readonly annotations?: object;
  };
  readonly [key: string]: unknown;
}

/** An object as the API server has it. */
export interface Stored extends Manifest {
  readonly metadata: Manifest["metadata"] & { readonly uid: string; readonly resourceVersion: string };
}

const PLURALS: Readonly<Record<string, string>> = {
  TrafficPolicy: "trafficpolicies",
  NetworkPolicy: "networkpolicies",
};

/** Writes objects into a test's API server, apart from the code under test, and as a client of its own. */
export class KubeWriter {
  readonly #connection: ApiConnection;

  constructor(kubeConfig: string) {
    this.#connection = new ApiConnection({ file: kubeConfig });
  }

  /** Makes the object be as it is here, whether or not it was there. */
  apply(object: Manifest): Promise<Stored> {
    const query = "?fieldManager=test&force=true";
    return this.send("PATCH", `${pathOf(object)}${query}`, object, "application/apply-patch+yaml");
  }

  create(object: Manifest): Promise<Stored> {
    return this.send("POST", pathOf(object).replace(/\/[^/]*$/, ""), object);
  }

  /** Makes its status be as it is here. */
  applyStatus(object: Manifest): Promise<Stored> {
    const path = `${pathOf(object)}/status?fieldManager=test&force=true`;
    return this.send("PATCH", path, object, "application/apply-patch+yaml");
  }

  get(object: Manifest): Promise<Stored> {
    return this.send("GET", pathOf(object));
  }

  async list(apiVersion: string, plural: string, namespace: string): Promise<readonly Stored[]> {
    const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const list = await this.send("GET", `${base}/namespaces/${namespace}/${plural}`);
    return (list as unknown as { readonly items: readonly Stored[] }).items;
  }

  delete(object: Manifest): Promise<unknown> {
    return this.send("DELETE", pathOf(object), { gracePeriodSeconds: 0 });
  }

  /** Installs CustomResourceDefinitions and waits until what they define is served. */
  async install(yaml: string): Promise<void> {
    for (const document of parseAllDocuments(yaml)) {
      const definition = document.toJS() as Manifest & {
        readonly spec: {
          readonly group: string;
          readonly names: { readonly plural: string };
          readonly versions: readonly { readonly name: string; readonly served: boolean }[];
        };
      };
      await this.apply(definition);
      const { group, names, versions } = definition.spec;
      for (const { name } of versions.filter(({ served }) => served)) {
        for (let tries = 0; ; tries++) {
          const isServed = await this.send("GET", `/apis/${group}/${name}/${names.plural}`).then(
            () => true,
            () => false,
          );
          if (isServed) break;
          if (tries > 300) throw new Error(`${group}/${name} is not served`);
          await sleep(100);
        }
      }
    }
  }

  /** Asks the API server in its own words. Rejects with what it answered when that is no success. */
  async send(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: unknown,
    contentType = "application/json",
  ): Promise<Stored> {
    const { origin, dispatcher, headers } = await this.#connection.prepare();
    const response = await request(origin + path, {
      dispatcher,
      method,
      headers: { ...headers, accept: "application/json", "content-type": contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
    return JSON.parse(text) as Stored;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

function pathOf({ apiVersion, kind, metadata: { namespace, name } }: Manifest): string {
  const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
  return `${base}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${plural}/${name}`;
}
