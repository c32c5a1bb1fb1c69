import * as z from "zod";
import { CHECK_STATE, type CheckState } from "../insight/notices.ts";
import { readCheckFile, writeCheckFile } from "../lake/check-file.ts";
import type { Lake } from "../lake/lake.ts";
import { GcUsageError, isGcUsageError, messageOf, systemCodeOf } from "../support/errors.ts";
import { CHECK_FILE } from "../usage/lake-path.ts";

/**
 * What a lake remembers of its checks; undefined for nothing.
 *
 * @throws {GcUsageError} lake, for a file of a later version, which this one must not replace.
 */
function stateIn(content: unknown): CheckState | undefined {
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

export async function readState(lake: Lake): Promise<CheckState | undefined> {
  return stateIn((await readCheckFile(lake)).content);
}

/** What becomes of a lake's state, and what the caller wants to know of it. */
export interface StateChange<T> {
  /** Undefined to leave it unchanged. */
  readonly state: CheckState | undefined;
  readonly result: T;
}

/**
 * Changes the state. If another program has changed it in the meantime, `change` decides again.
 *
 * @returns the result, and the error if the lake could not be written: then nothing has changed.
 */
export async function changeState<T>(
  lake: Lake,
  change: (before: CheckState | undefined) => StateChange<T> | Promise<StateChange<T>>,
): Promise<{ readonly result: T; readonly failure: GcUsageError | undefined }> {
  for (;;) {
    const { object, content } = await readCheckFile(lake);
    const { state, result } = await change(stateIn(content));
    if (state === undefined) return { result, failure: undefined };
    try {
      if (await writeCheckFile(lake, object, state)) return { result, failure: undefined };
    } catch (error) {
      return { result, failure: notWritten(lake, error) };
    }
  }
}

/** @throws anything but an expected failure to write. */
function notWritten(lake: Lake, error: unknown): GcUsageError {
  if (isGcUsageError(error) && error.kind !== "interrupted") return error;
  if (isGcUsageError(error) || systemCodeOf(error) === undefined) throw error;
  return new GcUsageError("lake", `Cannot write to the lake ${lake.uri}: ${messageOf(error)}.`, {
    hint: "Check its permissions and that its disk is not full or read-only.",
    cause: error,
  });
}
