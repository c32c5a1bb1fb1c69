import { type ErrorKind, isGcUsageError } from "../support/errors.ts";

/** One finding: a line of text, or an object with --json. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "problem";
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Set for problems: decides the exit code. */
  readonly kind?: ErrorKind;
}

export function ok(name: string, message: string): Check {
  return { name, status: "ok", message };
}

export function warning(name: string, message: string, hint?: string): Check {
  return { name, status: "warning", message, ...(hint === undefined ? {} : { hint }) };
}

/** Expected failures are findings; anything else is a bug, and `main` says so. */
export function problem(name: string, error: unknown): Check {
  if (!isGcUsageError(error) || error.kind === "interrupted") throw error;
  return {
    name,
    status: "problem",
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    kind: error.kind,
  };
}
