import { GcUsageError, isGcUsageError, systemCodeOf } from "../support/errors.ts";
import { reasonOf } from "../support/system-reason.ts";

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space, or write to another disk.",
  EDQUOT: "Free some space, or write to another disk.",
};

/**
 * A failed write, as an error for the person who named the destination. Other errors are returned unchanged.
 *
 * @param what the destination: `standard output`, or a path.
 */
export function cannotWrite(what: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (code === undefined || isGcUsageError(error)) return error;
  return new GcUsageError("lake", `Cannot write to ${what}: ${reasonOf(error)} (${code}).`, {
    hint: HINTS[code] ?? "Check where the output goes, then run the command again.",
    cause: error,
  });
}
