/** What Node's `ffi` module gives, where there is one; its names are those of Node 26.10. */
interface ForeignFunctions {
  dlopen(path: null, definitions: { malloc_trim: { arguments: ["uint64"]; return: "int32" } }): OpenLibrary;
}

interface OpenLibrary {
  readonly functions: { malloc_trim(pad: bigint): number };
}

/** Kept whole: with the library goes what its functions call (nodejs/node#63010). */
let library: OpenLibrary | undefined;
let isMissing = false;

/**
 * Has the C library give back pages of its heap that nothing lies on any more: what is freed between things that stay is kept otherwise, which after a
 * burst of updates is 10 to 25 MB. Takes some ms, for all threads' heaps; these go on. By malloc_trim(3) through Node's `ffi`, which is experimental: where either is missing, or
 * is called otherwise, nothing happens.
 */
export function trimMalloc(): void {
  if (isMissing) return;
  try {
    library ??= openLibrary();
    library.functions.malloc_trim(0n);
  } catch {
    isMissing = true;
  }
}

function openLibrary(): OpenLibrary {
  const { emitWarning } = process;
  // That it is experimental is no news to whoever runs a proxy.
  process.emitWarning = () => {};
  try {
    const ffi = process.getBuiltinModule("node:ffi") as unknown as ForeignFunctions;
    return ffi.dlopen(null, { malloc_trim: { arguments: ["uint64"], return: "int32" } });
  } finally {
    process.emitWarning = emitWarning;
  }
}
