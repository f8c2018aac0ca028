import type { IdentitySigner } from "../proxy/callers/identity-signer.ts";
import type { CallerIdentityStart } from "./caller-identity-start.ts";
import type { WorkerToMain } from "./worker-messages.ts";

/** Loaded at need: cryptography is not part of a small process. @returns what signs who calls. */
export async function callerIdentity(
  { keyFile, lifetimeMs }: CallerIdentityStart,
  node: string,
  say: (message: WorkerToMain) => void,
): Promise<{ readonly signer: IdentitySigner; readonly lifetimeMs: number }> {
  const { IdentitySigner } = await import("../proxy/callers/identity-signer.ts");
  const onTrouble = (reason: string): void => {
    const message = "callers cannot be named to endpoints: the key of capture.identity cannot be used";
    say({ kind: "log", level: "error", message, fields: { keyFile, reason } });
  };
  return { signer: new IdentitySigner({ keyFile, node, wallMs: () => Date.now(), onTrouble }), lifetimeMs };
}
