/** What a generation of the proxy says of itself: its `generation.json`, checked. */
export interface GenerationFile {
  readonly generation: string;
  readonly startedMs: number;
  /** The private port it takes all connections at. */
  readonly port: number;
  /** Data-plane threads, each of which has to answer. */
  readonly workers: number;
  /** Whether it takes new connections. */
  readonly ready: boolean;
  /** Whether it has been told to leave. */
  readonly draining: boolean;
  /** When it wrote this, milliseconds since 1970. */
  readonly writtenMs: number;
}

/** What the folder of a generation may be called. */
export const GENERATION_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/;

const MOST_WORKERS = 256;

/**
 * Reads and checks what a generation says of itself.
 *
 * @param folder the name of its folder, which is its own name.
 * @throws RangeError that says what was found and what was wanted.
 */
export function parseGenerationFile(text: string, folder: string): GenerationFile {
  const file = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
  if (file?.["format"] !== 1)
    throw new RangeError(`format: found ${JSON.stringify(file?.["format"])}, wanted 1`);
  if (file["generation"] !== folder)
    throw new RangeError(`generation: found ${JSON.stringify(file["generation"])}, wanted "${folder}"`);
  return {
    generation: folder,
    startedMs: whole(file, "startedMs", 0, Number.MAX_SAFE_INTEGER),
    port: whole(file, "port", 0, 65_535),
    workers: whole(file, "workers", 1, MOST_WORKERS),
    ready: file["ready"] === true,
    draining: file["draining"] === true,
    writtenMs: whole(file, "writtenMs", 0, Number.MAX_SAFE_INTEGER),
  };
}

function whole(file: Readonly<Record<string, unknown>>, key: string, least: number, most: number): number {
  const value = file[key];
  if (typeof value !== "number" || !(value >= least && value <= most))
    throw new RangeError(`${key}: found ${JSON.stringify(value)}, wanted a number from ${least} to ${most}`);
  return Math.floor(value);
}
