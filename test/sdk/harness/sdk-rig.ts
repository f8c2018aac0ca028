import { close, configure, explain } from "../../../src/sdk/client.ts";
import type { ClientOptions } from "../../../src/sdk/client-options.ts";
import type { ExplainedEndpoint, ExplainedService } from "../../../src/sdk/explain-services.ts";
import { eventually } from "./eventually.ts";
import type { SdkBackend } from "./sdk-backend.ts";
import { SdkCaller } from "./sdk-caller.ts";
import { StaticControlPlane } from "./static-control-plane.ts";

/** A real control plane with the services of a test, and this process as the program that calls them. */
export class SdkRig {
  readonly controlPlane: StaticControlPlane;
  readonly #clusters = new Map<string, object>();
  readonly #routes: object[] = [];
  readonly #callers: SdkCaller[] = [];

  private constructor(controlPlane: StaticControlPlane) {
    this.controlPlane = controlPlane;
  }

  static async start(): Promise<SdkRig> {
    return new SdkRig(await StaticControlPlane.start("clusters: []"));
  }

  /** Serves a cluster, new or changed. @param more further keys of it. */
  serve(name: string, endpoints: readonly object[], more: object = {}): void {
    this.#clusters.set(name, { name, endpoints, ...more });
    this.#write();
  }

  /** Serves a route, after those there are. */
  route(route: object): void {
    this.#routes.push(route);
    this.#write();
  }

  /** Sets how services are found; the control plane is this one unless the test says otherwise. */
  configure(options: ClientOptions = {}): void {
    configure({
      controlPlane: this.controlPlane.address,
      insecure: true,
      holdBackMs: 0,
      log: () => {},
      ...options,
    });
  }

  /** Opens a channel that tests have no need to close. */
  caller(name: string): SdkCaller {
    const caller = new SdkCaller(`isobar:///${name}`);
    this.#callers.push(caller);
    return caller;
  }

  /** Opens a channel, and waits until it is known where its calls go. */
  async open(name: string, states: readonly string[] = ["cluster", "routes"]): Promise<SdkCaller> {
    const caller = this.caller(name);
    caller.connect();
    await eventually(
      () => states.includes(this.service(name)?.state ?? ""),
      () => [explain(), this.controlPlane.log],
    );
    return caller;
  }

  service(name: string): ExplainedService | undefined {
    return explain(name).services[0];
  }

  /** An endpoint of the service's cluster as the program sees it. */
  endpoint(name: string, { address }: SdkBackend): ExplainedEndpoint | undefined {
    const endpoints = this.service(name)?.clusters.flatMap((cluster) => cluster.endpoints) ?? [];
    return endpoints.find(({ endpoint }) => endpoint === address);
  }

  /** Closes channels, and forgets what was configured. */
  async reset(): Promise<void> {
    for (const caller of this.#callers.splice(0)) caller.close();
    await close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset();
    await this.controlPlane[Symbol.asyncDispose]();
  }

  #write(): void {
    this.controlPlane.write(JSON.stringify({ clusters: [...this.#clusters.values()], routes: this.#routes }));
  }
}
