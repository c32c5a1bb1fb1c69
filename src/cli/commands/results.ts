import { Command } from "@commander-js/extra-typings";
import { checkId, STRAY_CURSOR } from "../../genesys/services.ts";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../../support/errors.ts";
import { readResults } from "../../sync/results.ts";
import { otherServices, SERVICE_SPECS, type Service } from "../../usage/service.ts";
import { type Cli, ReaderGone, stringify } from "../cli.ts";
import { addConnectionOptions, connect } from "../connection.ts";
import { durationOption, serviceOption } from "../options.ts";

export function command(cli: Cli) {
  const results = new Command("results")
    .description("Print the results of a submitted query as the service returns them, including all pages.")
    .argument("<id>", "executionId (jobs: id) that `gc-usage submit` printed")
    .option(
      "--service <name>",
      "service of the query: legacy (the blueprint's) or jobs",
      serviceOption,
      "legacy" as Service,
    )
    .option("--ndjson", "print only the rows, one JSON object per line")
    .option("--json", "also report errors as JSON")
    .option("--wait", "wait until the query is done")
    .option(
      "--timeout <time>",
      "with --wait, the longest time to wait (default: 30m)",
      durationOption("--timeout"),
    );
  return addConnectionOptions(results)
    .addHelpText(
      "after",
      "\nWithout --wait, a running query prints its status, as gc does. With --ndjson, a\nrunning query is an error (exit code 7).\n" +
        "\nExamples:\n  gc-usage results 7157a113-2751-4e38-85c4-c386cb9e22a4 --wait --ndjson > query-result.json\n" +
        "  gc-usage submit -f query-file.json | jq -r .executionId | xargs gc-usage results --wait",
    )
    .action(async (id, options) => {
      checkId(id);
      if (options.timeout !== undefined && !options.wait) {
        throw new GcUsageError("input", "--timeout needs --wait.", {
          hint: "Add --wait, or omit --timeout.",
        });
      }
      const client = await connect(cli, options);
      const printer = options.ndjson ? undefined : new AnswerText(SERVICE_SPECS[options.service].rowsMember);
      try {
        const page = await readResults({
          client,
          service: options.service,
          id,
          effects: realEffects,
          signal: cli.signal,
          waitMs: options.wait ? (options.timeout ?? 30 * 60_000) : undefined,
          onWait: (status, elapsed) =>
            cli.progress(`Query ${id}: ${status}, ${Math.round(elapsed / 1000)} s`),
          write: async (ndjson) => {
            cli.progressDone();
            if (!(await cli.out(printer ? printer.rows(ndjson) : ndjson))) throw new ReaderGone();
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
        throw unknownId(error, options.service);
      } finally {
        await client.close();
      }
    });
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
