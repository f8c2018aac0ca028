import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { RecordedTrace } from "../../sim/scenario.ts";
import { inputText } from "./input-text.ts";

/**
 * Reads lines of `arrival,service` in ms, or `arrival,service,caller`; an empty line or one that begins with `#` is nothing.
 *
 * @throws ExitError with the place of the first line that is something else.
 */
export async function readTrace(file: string): Promise<RecordedTrace> {
  const arrivals: number[] = [];
  const services: number[] = [];
  const callers: number[] = [];
  for (const [index, line] of (await inputText(file, "the trace")).split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [arrival = Number.NaN, service = Number.NaN, caller = -1] = line.split(",").map(Number);
    const isCaller = Number.isInteger(caller) && caller >= -1 && caller < 2 ** 31;
    if (!(arrival >= (arrivals.at(-1) ?? 0) && service > 0 && Number.isFinite(service) && isCaller)) {
      const wanted = `"arrival,service" or "arrival,service,caller", times in ms, arrivals in their order, service above 0, callers from 0`;
      throw new ExitError(
        ExitCode.usage,
        `${file}:${index + 1}: found ${JSON.stringify(line)}, wanted ${wanted}`,
      );
    }
    arrivals.push(arrival);
    services.push(service);
    callers.push(caller);
  }
  if (arrivals.length < 2 || arrivals.at(-1) === 0) {
    throw new ExitError(
      ExitCode.usage,
      `${file}: found ${arrivals.length} requests, wanted 2 or more over some time`,
    );
  }
  return {
    arrivalMs: sharedFloats(arrivals),
    serviceMs: sharedFloats(services),
    caller: callers.includes(-1) ? null : Int32Array.from(callers),
  };
}

/** In memory that threads share: a search hands a long trace to them hundreds of times. */
function sharedFloats(values: readonly number[]): Float64Array {
  const shared = new Float64Array(new SharedArrayBuffer(values.length * Float64Array.BYTES_PER_ELEMENT));
  shared.set(values);
  return shared;
}
