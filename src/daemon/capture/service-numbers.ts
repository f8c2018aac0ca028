import { LAST_SERVICE_NUMBER } from "../../resource/any-ip.ts";
import type { CapturedService } from "../../resource/captured-service.ts";

/** A captured service with its number (any-ip.ts). */
export interface NumberedService extends CapturedService {
  readonly number: number;
}

/** What {@link ServiceNumbers.apply} has changed. */
export interface NumberChanges {
  readonly added: readonly { readonly number: number; readonly service: string }[];
  readonly removed: readonly number[];
  /** Services that there is no number for. */
  readonly refused: readonly string[];
}

/**
 * Which service has which number. A number is never given to another service while the process lives: a connection that comes late, by a map
 * of a moment ago, is for the service of that moment or for nobody.
 */
export class ServiceNumbers {
  readonly #limit: number;
  readonly #numbers = new Map<string, number>();
  readonly #present = new Map<string, NumberedService>();

  /** @param limit the highest number; default: all there are. For tests. */
  constructor(limit: number = LAST_SERVICE_NUMBER) {
    this.#limit = limit;
  }

  /** Services that are captured now, in the order of their names. */
  get services(): readonly NumberedService[] {
    return [...this.#present.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  /** Makes these the captured ones; a service that was captured before has the number that it had. */
  apply(services: readonly CapturedService[]): NumberChanges {
    const wanted = new Map(services.map((each) => [each.service, each]));
    const removed: number[] = [];
    for (const [name, { number }] of this.#present) {
      if (wanted.has(name)) continue;
      this.#present.delete(name);
      removed.push(number);
    }
    const added: { number: number; service: string }[] = [];
    const refused: string[] = [];
    for (const [name, service] of wanted) {
      const number = this.#numberOf(name);
      if (number === undefined) {
        refused.push(name);
        continue;
      }
      if (!this.#present.has(name)) added.push({ number, service: name });
      this.#present.set(name, { ...service, number });
    }
    return { added, removed, refused };
  }

  #numberOf(service: string): number | undefined {
    const known = this.#numbers.get(service);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    if (number > this.#limit) return undefined;
    this.#numbers.set(service, number);
    return number;
  }
}
