import { type AwsOptions, awsError } from "../../support/aws.ts";
import { GcUsageError, messageOf } from "../../support/errors.ts";
import { excerpt } from "../excerpt.ts";
import { TABLES } from "../tables.ts";

/** The failed statement, for messages. */
export interface Sent {
  readonly sql: string;
  readonly workgroup: string;
  readonly database: string;
}

/** The end of a failed execution, as Athena reports it. */
export interface Ending {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  /** Athena's ErrorCategory: 1 system, 2 user, 3 other. */
  readonly category: number | undefined;
  readonly retryable: boolean;
}

/** `COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved`; a syntax error has no name in front. */
const REASON = /^(?:([A-Z][A-Z0-9_]+): )?(?:line (\d+):(\d+): )?([\s\S]*)$/;

/** Trino's codes for errors of other services. HIVE_BAD_DATA quotes the data. */
const OF_OTHERS = /^(?:HIVE_(?!BAD_DATA)|ICEBERG_|GENERIC_)/;

/** The error for an execution that failed or was stopped: sql, permission, service or aws. */
export function endedBadly(ending: Ending, sent: Sent): GcUsageError {
  const { reason, state, id } = ending;
  const details = { reason, executionId: id };
  if (/bytes scanned limit/i.test(reason)) {
    return new GcUsageError("refused", `Athena stopped the statement: ${sentence(reason)}`, {
      hint: `It scanned more than the workgroup ${sent.workgroup} allows (BytesScannedCutoffPerQuery; the stack's parameter ScanLimitBytes). Query fewer days, or raise the limit.`,
      details,
    });
  }
  if (isRefusal(reason)) {
    return new GcUsageError(
      "permission",
      `Access denied while Athena ran the statement: ${sentence(reason)}`,
      {
        hint: "Attach the stack's reader policy to your user or role (`gc-usage aws outputs`). It covers the stack's lake, tables, workgroup and results.",
        details,
      },
    );
  }
  if (state === "CANCELLED") {
    return new GcUsageError("aws", `The statement was stopped in Athena: ${sentence(reason)}`, {
      hint: "Someone else stopped it. Run it again.",
      details,
    });
  }
  if (ending.category === 1 || ending.retryable) {
    return new GcUsageError("service", `Athena failed: ${sentence(reason)}`, {
      hint: "Run it again later. If it needs too many resources, query fewer days.",
      retryable: ending.retryable,
      details,
    });
  }
  return badSql(reason, sent, details);
}

/** The error for a failed API call: a syntax error is sql; others are converted by awsError. */
export function callFailed(error: unknown, sent: Sent, aws: AwsOptions): Error {
  const message = messageOf(error);
  if (error instanceof Error && error.name === "InvalidRequestException") {
    if (/line \d+:\d+/.test(message)) return badSql(message, sent, { reason: message }, error);
    if (/WorkGroup .*(not found|does not exist)/i.test(message)) {
      return new GcUsageError(
        "aws",
        `There is no Athena workgroup ${sent.workgroup} in this account and region.`,
        {
          hint: "Check the workgroup and the region. To show those of the stack: gc-usage aws outputs",
          cause: error,
        },
      );
    }
    if (/output location/i.test(message)) {
      return new GcUsageError("aws", `The workgroup ${sent.workgroup} has no query result location.`, {
        hint: "Use the stack's workgroup, or set a query result location for this one.",
        cause: error,
      });
    }
  }
  return awsError(error, "run the statement in Athena", aws);
}

/**
 * True if S3, Glue or Lake Formation denied access. A reason with a position in the statement, or with a Trino code
 * for errors in statements, may only quote such words: a column may be called "permission", and an endpoint is.
 */
function isRefusal(reason: string): boolean {
  const [, code = "", line] = REASON.exec(reason) ?? [];
  if (/^(?:PERMISSION|ACCESS)_DENIED$/.test(code)) return true;
  if (line !== undefined || (code !== "" && !OF_OTHERS.test(code))) return false;
  return /access.denied|permission|not authorized to perform|forbidden/i.test(withoutGuess(reason));
}

function badSql(
  text: string,
  sent: Sent,
  more: Readonly<Record<string, unknown>>,
  cause?: unknown,
): GcUsageError {
  const [, code, line, column, reason = text] = REASON.exec(text) ?? [];
  const place = line === undefined ? {} : { line: Number(line), column: Number(column) };
  const where = line === undefined ? "" : excerpt(sent.sql, Number(line), Number(column));
  return new GcUsageError("sql", `SQL: ${withoutGuess(reason).trim()}${where}`, {
    hint: `Tables of ${sent.database}: ${TABLES.join(", ")}. DESCRIBE usage lists the columns.`,
    cause,
    details: { ...more, ...(code === undefined ? {} : { code }), ...place },
  });
}

/** Removes Athena's additions: a guess about permissions after misspelled columns, and the files that it left in S3. */
function withoutGuess(reason: string): string {
  return reason
    .replace(/ or requester is not authorized to access requested resources/, "")
    .replace(/\.? If a data manifest file was generated at [\s\S]*$/, "");
}

function sentence(reason: string): string {
  return reason === "" ? "no reason given." : withoutGuess(reason).replace(/\.?\s*$/, ".");
}
