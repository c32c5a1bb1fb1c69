import { type AwsOptions, awsError } from "../../support/aws.ts";
import { messageOf, UsageError } from "../../support/errors.ts";
import { excerpt } from "../excerpt.ts";
import { TABLES } from "../tables.ts";

/** What a failed statement was, for its messages. */
export interface Sent {
  readonly sql: string;
  readonly workgroup: string;
  readonly database: string;
}

/** How an execution ended that did not succeed, in Athena's words. */
export interface Ending {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  /** Athena's ErrorCategory: 1 system, 2 user, 3 other. */
  readonly category: number | undefined;
  readonly retryable: boolean;
}

/** `COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved`; a syntax error comes without a name in front. */
const REASON = /^(?:([A-Z][A-Z0-9_]+): )?(?:line (\d+):(\d+): )?([\s\S]*)$/;

/** The codes under which Trino passes on what others told it. HIVE_BAD_DATA quotes the data. */
const OF_OTHERS = /^(?:HIVE_(?!BAD_DATA)|ICEBERG_|GENERIC_)/;

/** An execution that failed or was stopped, as one message: sql, permission, service or aws. */
export function endedBadly(ending: Ending, sent: Sent): UsageError {
  const { reason, state, id } = ending;
  const details = { reason, executionId: id };
  if (/bytes scanned limit/i.test(reason)) {
    return new UsageError("refused", `Athena stopped the statement: ${sentence(reason)}`, {
      hint: `It read more than the workgroup ${sent.workgroup} allows a statement (BytesScannedCutoffPerQuery, in the stack ScanLimitBytes). Ask for fewer days.`,
      details,
    });
  }
  if (isRefusal(reason)) {
    return new UsageError("permission", `Athena was refused what the statement needs: ${sentence(reason)}`, {
      hint: "The stack's reader policy has all that it takes, on its own lake, tables, workgroup and results.",
      details,
    });
  }
  if (state === "CANCELLED") {
    return new UsageError("aws", `The statement was stopped in Athena: ${sentence(reason)}`, {
      hint: "Somebody else stopped it. Run it again.",
      details,
    });
  }
  if (ending.category === 1 || ending.retryable) {
    return new UsageError("service", `Athena failed: ${sentence(reason)}`, {
      hint: "Run it again in a while; if it needed too much, ask for fewer days.",
      retryable: ending.retryable,
      details,
    });
  }
  return badSql(reason, sent, details);
}

/** What the API threw: a syntax error is sql; the rest is of the account, as awsError says. */
export function callFailed(error: unknown, sent: Sent, aws: AwsOptions): Error {
  const message = messageOf(error);
  if (error instanceof Error && error.name === "InvalidRequestException") {
    if (/line \d+:\d+/.test(message)) return badSql(message, sent, { reason: message }, error);
    if (/WorkGroup .*(not found|does not exist)/i.test(message)) {
      return new UsageError(
        "aws",
        `There is no Athena workgroup ${sent.workgroup} in this account and region.`,
        {
          hint: "Check the workgroup and the region; `gc-usage aws outputs` tells those of the stack.",
          cause: error,
        },
      );
    }
    if (/output location/i.test(message)) {
      return new UsageError("aws", `The workgroup ${sent.workgroup} has no place for results.`, {
        hint: "Use the stack's workgroup, or give this one a query result location.",
        cause: error,
      });
    }
  }
  return awsError(error, "run the statement in Athena", aws);
}

/**
 * True where S3, Glue or Lake Formation refused. A reason that has a place in the statement or a code of Trino's for what
 * statements do wrong only quotes it: a column may be called permission, and an endpoint is.
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
): UsageError {
  const [, code, line, column, reason = text] = REASON.exec(text) ?? [];
  const place = line === undefined ? {} : { line: Number(line), column: Number(column) };
  const where = line === undefined ? "" : excerpt(sent.sql, Number(line), Number(column));
  return new UsageError("sql", `SQL: ${withoutGuess(reason).trim()}${where}`, {
    hint: `Tables of ${sent.database}: ${TABLES.join(", ")}. DESCRIBE usage lists the columns.`,
    cause,
    details: { ...more, ...(code === undefined ? {} : { code }), ...place },
  });
}

/** Athena adds to a misspelt column that one might lack a permission, and to any failure what it leaves in S3. */
function withoutGuess(reason: string): string {
  return reason
    .replace(/ or requester is not authorized to access requested resources/, "")
    .replace(/\.? If a data manifest file was generated at [\s\S]*$/, "");
}

function sentence(reason: string): string {
  return reason === "" ? "it gives no reason." : withoutGuess(reason).replace(/\.?\s*$/, ".");
}
