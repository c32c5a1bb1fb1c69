/** The members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>;

/** True for a JSON object: not for null or a list. */
export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for a member that may be missing and else is text. */
export function isTextOrNothing(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
