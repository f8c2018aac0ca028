import type { Log } from "../../telemetry/log.ts";
import type { SourceFlags } from "../create-source.ts";
import type { AuditFlags } from "./audit.ts";
import { Audit } from "./audit.ts";
import { EventHeads } from "./event-heads.ts";

/**
 * Opens the audit, and has its heads published as Events where services are those of Kubernetes.
 *
 * @throws what the file system says, when the folder cannot be used.
 */
export async function openAudit(
  flags: AuditFlags,
  {
    staticFile,
    kubeConfigFile,
    kubeContext,
  }: Pick<SourceFlags, "staticFile" | "kubeConfigFile" | "kubeContext">,
  log: Log,
): Promise<Audit> {
  const audit = await Audit.open(flags, log);
  if (staticFile === undefined)
    audit.publisher = new EventHeads({ file: kubeConfigFile, context: kubeContext }, log);
  return audit;
}
