import type { OwnFolder } from "../questions/own-questions.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Variables } from "./settings.ts";

/** The variable with the folder of the user's own questions. */
export const QUESTIONS_VARIABLE = "GC_USAGE_QUESTIONS";

/** The folder of the user's own questions: the given one, else the variable's; undefined if neither is set. */
export function ownFolder(given: string | undefined, variables: Variables): OwnFolder | undefined {
  if (given === "") {
    throw new GcUsageError("input", "--questions is empty.", {
      hint: "Set a folder of .sql files, or omit --questions.",
    });
  }
  if (given !== undefined) return { path: given, from: "--questions" };
  const path = variables[QUESTIONS_VARIABLE];
  return path ? { path, from: QUESTIONS_VARIABLE } : undefined;
}
