import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type ErrorKind, isGcUsageError } from "../index.ts";
import { secrets } from "../support/redact.ts";
import type { ApiFailure } from "../views/api.ts";

/** A request that is refused before the library sees it. */
export class Refusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly kind: string;
  readonly hint: string | undefined;

  constructor(status: ContentfulStatusCode, kind: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.kind = kind;
    this.hint = hint;
  }
}

/** By the kind of an error. 502: a service that the library calls; 409: the state of the lake. */
const STATUSES: Readonly<Record<ErrorKind, ContentfulStatusCode>> = {
  input: 400,
  sql: 400,
  refused: 403,
  lake: 409,
  incomplete: 409,
  fired: 409,
  interrupted: 409,
  credentials: 502,
  permission: 502,
  service: 502,
  failed: 502,
  aws: 502,
  timeout: 504,
};

/** The answer to a request that failed. It never contains a trace or a secret. */
export function failureOf(error: unknown): { status: ContentfulStatusCode; body: ApiFailure } {
  if (error instanceof Refusal) return failure(error.status, error.kind, error.message, error.hint);
  if (!isGcUsageError(error)) {
    return failure(
      500,
      "bug",
      "This is a bug in gc-usage.",
      "The terminal of `gc-usage serve` shows the error. Report it.",
    );
  }
  const { kind, message, hint, details } = error;
  const { status, body } = failure(STATUSES[kind], kind, message, hint);
  const { line, column, needs } = details;
  return {
    status,
    body: {
      error: {
        ...body.error,
        ...(typeof line === "number" ? { line } : {}),
        ...(typeof column === "number" ? { column } : {}),
        ...(needs === "allowance" ? { needs } : {}),
      },
    },
  };
}

function failure(status: ContentfulStatusCode, kind: string, message: string, hint: string | undefined) {
  const redacted = (text: string): string => secrets.redact(text);
  return {
    status,
    body: {
      error: { kind, message: redacted(message), hint: hint === undefined ? null : redacted(hint) },
    },
  };
}
