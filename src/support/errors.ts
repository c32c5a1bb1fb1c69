/**
 * What went wrong, for people and scripts. `kind` decides the exit code (EXIT_CODES) and `retryable` the retry policy;
 * nothing else inspects messages.
 */
export type ErrorKind =
  | "input"
  | "credentials"
  | "permission"
  | "service"
  | "failed"
  | "timeout"
  | "refused"
  | "lake"
  | "sql"
  | "aws"
  | "incomplete"
  | "fired"
  | "interrupted";

/** Process exit codes, documented in `gc-usage --help` and docs/cli.md. 1 is a bug in gc-usage. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  input: 2,
  credentials: 3,
  permission: 4,
  service: 5,
  failed: 6,
  timeout: 7,
  refused: 8,
  lake: 9,
  sql: 10,
  aws: 11,
  incomplete: 12,
  fired: 13,
  interrupted: 130,
};

export interface GcUsageErrorOptions {
  /** What the user can do next, in one sentence. */
  readonly hint?: string;
  /** True if the same call may succeed later, which is all that the retry policy uses. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** Facts for --json and --debug: status, contextId, ids. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An expected failure with one clear message. Any other thrown error is a bug. */
export class GcUsageError extends Error {
  override readonly name = "GcUsageError";
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(kind: ErrorKind, message: string, options: GcUsageErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** For errors of unknown type, such as those in a `catch`. */
export function isGcUsageError(error: unknown): error is GcUsageError {
  return error instanceof GcUsageError;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Node's `code` of a system error (ENOENT, ENOSPC …); undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** System error texts of the C library: DuckDB reports only the text, without a code. */
const WORDED: readonly (readonly [text: string, code: string])[] = [
  ["No space left on device", "ENOSPC"],
  ["Disk quota exceeded", "EDQUOT"],
  ["File too large", "EFBIG"],
  ["Input/output error", "EIO"],
  ["Permission denied", "EACCES"],
  ["Operation not permitted", "EPERM"],
  ["Read-only file system", "EROFS"],
  ["Too many open files", "EMFILE"],
];

/** The `code` of a system error, including those that DuckDB reports. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = codeOf(error);
  if (code !== undefined) return code;
  const message = messageOf(error);
  if (!message.startsWith("IO Error: ")) return undefined;
  return WORDED.find(([text]) => message.includes(text))?.[1];
}
