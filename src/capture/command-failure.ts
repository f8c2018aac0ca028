import { ExitCode, ExitError } from "../daemon/exit-code.ts";

/** A command that could not be run, or failed. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  /** Such as `ENOENT`; "" where it ran. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** Says for people why capture cannot begin on this node, and what to do. */
export function cannotCapture(error: unknown): ExitError {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof CommandFailure ? error.code : "";
  const advice =
    code === "ENOENT" || code === "EACCES"
      ? "install nftables 1.0 or newer and iproute2 where isobar runs"
      : /not permitted|must be root|Permission denied/i.test(text)
        ? "give the container the capability NET_ADMIN and the node's network (hostNetwork: true)"
        : /Operation not supported|No such file or directory|Protocol not supported/i.test(text)
          ? "this kernel lacks a part of nftables: Linux 5.9 or newer with nf_tables, nft_nat, nft_reject and nft_ct is wanted"
          : "see what the command says";
  return new ExitError(
    ExitCode.bindFailed,
    `capture: cannot change the node's tables: ${text.trim()}; ${advice}`,
  );
}
