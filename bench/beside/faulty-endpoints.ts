import { NetworkNamespace } from "../../test/drain/harness/network-namespace.ts";
import { LineProcess } from "./line-process.ts";
import type { Fault } from "./rows.ts";
import { ENDPOINTS } from "./rows.ts";

/** Endpoints of all contenders, each its own; the last one of each is the one that something befalls. */
export class FaultyEndpoints implements AsyncDisposable {
  /** One that is always well, for clients that ask it directly. */
  readonly direct: string;
  readonly #stack: AsyncDisposableStack;
  readonly #backends: LineProcess;
  readonly #network: NetworkNamespace | undefined;
  readonly #addresses: readonly (readonly string[])[];

  private constructor(
    stack: AsyncDisposableStack,
    backends: LineProcess,
    network: NetworkNamespace | undefined,
    addresses: readonly (readonly string[])[],
    direct: string,
  ) {
    this.#stack = stack;
    this.#backends = backends;
    this.#network = network;
    this.#addresses = addresses;
    this.direct = direct;
  }

  /** @param program `beside`. @param canCut whether {@link befall} may be told to cut: takes root. */
  static async start(program: string, contenders: number, canCut: boolean): Promise<FaultyEndpoints> {
    await using stack = new AsyncDisposableStack();
    const count = contenders * ENDPOINTS + 1;
    const backends = stack.use(new LineProcess(program, ["backends", "127.0.0.1", String(count)]));
    const all = ((await backends.hear()) as number[]).map((port) => `127.0.0.1:${port}`);
    const addresses = Array.from({ length: contenders }, (_, i) =>
      all.slice(i * ENDPOINTS, (i + 1) * ENDPOINTS),
    );
    const network = canCut ? NetworkNamespace.make() : undefined;
    if (network !== undefined) {
      stack.defer(() => network.remove());
      const [command, ...prefix] = network.prefix as [string, ...string[]];
      const args = [...prefix, program, "backends", network.host, String(contenders)];
      const remote = stack.use(new LineProcess(command, args));
      const ports = (await remote.hear()) as number[];
      for (const [i, port] of ports.entries()) addresses[i]![ENDPOINTS - 1] = `${network.host}:${port}`;
    }
    return new FaultyEndpoints(stack.move(), backends, network, addresses, all.at(-1)!);
  }

  /** Addresses of a contender's endpoints. */
  of(contender: number): readonly string[] {
    return this.#addresses[contender]!;
  }

  /** Something happens to the last endpoint of each contender. */
  befall(fault: Fault): void {
    const backends = this.#addresses.map((_, i) => (i + 1) * ENDPOINTS - 1);
    if (fault.kind === "cut") this.#network!.cut();
    else if (fault.kind === "join") this.#backends.tell({ ...fault, backends, mode: "warming" });
    else this.#backends.tell({ ...fault, backends });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
