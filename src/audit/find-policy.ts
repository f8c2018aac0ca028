import type { AuditReader } from "./audit-reader.ts";
import { AuditError } from "./audit-reader.ts";
import type { PolicyVersion } from "./audit-replay.ts";
import { shownName } from "./written-name.ts";

/**
 * @param policy as records call it: written-name.ts.
 * @param wanted the number of the version's record, or a time.
 * @returns the policy as it was then; its spec is null where it had been deleted.
 * @throws AuditError in words for people, when the audit does not have it.
 */
export async function findPolicy(
  reader: AuditReader,
  policy: string,
  wanted: { readonly record: number } | { readonly atMs: number },
): Promise<PolicyVersion> {
  if ("atMs" in wanted) {
    const position = reader.fileAt(wanted.atMs);
    if (position < 0)
      throw new AuditError(
        `the audit begins at ${new Date(reader.files[0]!.atMs).toISOString()}, which is later`,
      );
    const replay = await reader.replay(position, { untilMs: wanted.atMs, wants: () => false });
    const found = replay.policies.get(policy)?.findLast(({ atMs }) => atMs <= wanted.atMs);
    if (found !== undefined) return found;
    throw new AuditError(`there was no ${shownName(policy)} at ${new Date(wanted.atMs).toISOString()}`);
  }
  for (const each of reader.filesOf(wanted.record)) {
    const replay = await reader.replay(each, { untilMs: Number.MAX_SAFE_INTEGER, wants: () => false });
    const found = replay.policies.get(policy)?.find(({ n }) => n === wanted.record);
    if (found !== undefined) return found;
  }
  throw new AuditError(
    `record ${wanted.record} is no version of ${shownName(policy)}; isobar audit log ${policy.includes(" ") ? `--object ${policy.replace(" ", "/")}` : `--policy ${policy}`} lists them`,
  );
}
