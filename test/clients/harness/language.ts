/** A command that, given `serve` or `call` and its options, is the client and server of one language. */
export type Program = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** One command of a build. */
export type BuildStep = {
  /** `fetch` needs package registries, `compile` only what was fetched. */
  readonly kind: "fetch" | "compile";
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** What a look at the machine found: the toolchain's versions, or why it cannot be used. */
export type Toolchain = { readonly versions: string } | { readonly missing: string };

/** A language whose gRPC implementation is tested. */
export type Language = {
  readonly name: string;
  /** Folder with the sources. */
  readonly source: string;
  /** Folder that the build writes, and may be deleted at any time. */
  readonly output: string;
  readonly program: Program;
  findToolchain(): Toolchain;
  /** Commands to be run in `source`, in order. */
  steps(): readonly BuildStep[];
};
