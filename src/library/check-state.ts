import { z } from "zod";
import { CHECK_STATE, type CheckState } from "../insight/notices.ts";
import { GcUsageError } from "../support/errors.ts";
import { CHECK_FILE } from "../usage/lake-path.ts";

/**
 * What a lake remembers of its checks; undefined for nothing.
 *
 * @throws {GcUsageError} lake, for a file of a later version, which this one must not replace.
 */
export function stateIn(content: unknown): CheckState | undefined {
  if (content === undefined) return undefined;
  const parsed = CHECK_STATE.safeParse(content);
  if (parsed.success) return parsed.data;
  const isLater = (z.object({ format: z.number() }).safeParse(content).data?.format ?? 0) > 1;
  throw new GcUsageError(
    "lake",
    isLater
      ? `A newer version of gc-usage wrote ${CHECK_FILE}, the lake's record of earlier checks.`
      : `${CHECK_FILE}, the lake's record of earlier checks, is damaged.`,
    {
      hint: isLater
        ? "Upgrade gc-usage."
        : "Restore it, or remove it: then the next check reports everything that is open as new.",
    },
  );
}
