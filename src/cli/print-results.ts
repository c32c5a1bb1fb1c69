import { type GenesysClient, readResults, STRAY_CURSOR } from "../index.ts";
import { realEffects } from "../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { otherServices, SERVICE_SPECS, type Service } from "../usage/service.ts";
import { type Cli, ReaderGone, stringify } from "./cli.ts";

export interface ResultsFlags {
  readonly service: Service;
  readonly ndjson?: true | undefined;
  readonly wait?: true | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

/** @throws {GcUsageError} input, for a time limit of a wait that was not requested. */
export function checkWait({ wait, timeout }: Pick<ResultsFlags, "wait" | "timeout">): void {
  if (timeout === undefined || wait) return;
  throw new GcUsageError("input", "--timeout needs --wait.", { hint: "Add --wait, or omit --timeout." });
}

/**
 * Prints a query's results: as the service returns them, or only the rows.
 *
 * @throws {GcUsageError} timeout, if the query is still running; otherwise like `readResults`.
 */
export async function printResults(
  cli: Cli,
  client: GenesysClient,
  id: string,
  { service, ndjson, wait, timeout }: ResultsFlags,
): Promise<void> {
  const printer = ndjson ? undefined : new AnswerText(SERVICE_SPECS[service].rowsMember);
  try {
    const page = await readResults({
      client,
      service,
      id,
      effects: realEffects,
      signal: cli.signal,
      waitMs: wait ? (timeout ?? 30 * 60_000) : undefined,
      onWait: (status, elapsed) => cli.progress(`Query ${id}: ${status}, ${Math.round(elapsed / 1000)} s`),
      write: async (rows) => {
        cli.progressDone();
        if (!(await cli.out(printer ? printer.rows(rows) : rows))) throw new ReaderGone();
      },
    });
    cli.progressDone();
    if (page.strayCursor !== undefined) cli.log.warn(STRAY_CURSOR);
    if (printer) await cli.out(printer.end(page.members, page.state === "done"));
    else if (page.state === "running") {
      const what = page.rows === 0 ? "it has no rows yet" : "these rows may not be all";
      throw new GcUsageError("timeout", `Query ${id} is still ${page.status}: ${what}.`, {
        hint: "To wait until it is done, add --wait.",
      });
    }
  } catch (error) {
    throw unknownId(error, service);
  }
}

/** Ids of both services look the same, so an unknown id may belong to the other service. */
function unknownId(error: unknown, service: Service): unknown {
  if (!isGcUsageError(error) || error.details["status"] !== 404) return error;
  const others = otherServices(service).map((other) => `--service ${other}`);
  return new GcUsageError(error.kind, error.message, {
    hint: `The ${service} service does not know this id, or no longer. If it belongs to another service, add ${others.join(" or ")}.`,
    cause: error,
    details: error.details,
  });
}

/** Joins the rows of all pages into one response, one row per line, without keeping them in memory. */
class AnswerText {
  readonly #member: string;
  #begun = false;

  constructor(member: string) {
    this.#member = member;
  }

  rows(ndjson: Uint8Array): string {
    // Rows arrive whole, each with its newline; compact rows contain no other.
    const text = Buffer.from(ndjson).toString("utf8").slice(0, -1).replaceAll("\n", ",\n");
    const before = this.#begun ? ",\n" : `{"${this.#member}":[\n`;
    this.#begun = true;
    return before + text;
  }

  /** The response of a running query has no list of rows, unless some rows have arrived already. */
  end(members: Readonly<Record<string, unknown>>, done: boolean): string {
    const { nextUri: _next, cursors: _cursors, ...rest } = members;
    if (!this.#begun) return `${stringify(done ? { [this.#member]: [], ...rest } : rest)}\n`;
    const tail = stringify(rest).slice(1);
    return `\n]${tail === "}" ? "" : ","}${tail}\n`;
  }
}
