import { Command } from "@commander-js/extra-typings";
import type { Member } from "../../index.ts";
import { counted } from "../../support/count.ts";
import { GcUsageError } from "../../support/errors.ts";
import type { WeekStart } from "../../usage/period.ts";
import type { Service } from "../../usage/service.ts";
import type { Cli } from "../cli.ts";
import { addEngineOptions, type EngineFlags, lakeOf } from "../lake-options.ts";
import { lakesJson } from "../lakes-json.ts";
import { serviceOption } from "../options.ts";
import { missingSides, type ReconciledLake, reconcileText } from "../reconcile-text.ts";
import { tableStyle } from "../small-table.ts";
import { addWeekStartOption, addWindowOptions } from "../window-options.ts";

export function command(cli: Cli) {
  const described = new Command("reconcile").description(
    "Compare the legacy service with the jobs service by day and client: equal, explained or unexplained. " +
      "Or compare two groupings of one service.",
  );
  const dated = addWindowOptions(described, {
    last: "length of the period, for example 7d, 4w, 3m or 1y (default: 30d)",
    from: "first UTC day, inclusive",
    to: "last UTC day, inclusive (default: the lake's newest day)",
  });
  const reconcile = addWeekStartOption(dated)
    .option(
      "--between <groupings>",
      "compare two groupings of one service, for example client-uri-method,client-user",
    )
    .option(
      "--service <name>",
      "service of these groupings: jobs or legacy (default: the one that has both, jobs first)",
      serviceOption,
    )
    .option("--json", "print the comparison as JSON, with every difference");
  return addEngineOptions(reconcile)
    .addHelpText("after", HELP)
    .action(async (options) => await run(cli, options));
}

const HELP = `
Explained are the built-in clients, which only the jobs service counts, clients
that one side counts only since a day, 429s that one side leaves out of
status400, and days whose figures may still change. Exit code 13: something is
unexplained. 12: days are missing on one side.

Examples:
  gc-usage reconcile --last 30d
  gc-usage reconcile --between client-uri-method,client-user`;

type Flags = EngineFlags & {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly lastWeek?: true | undefined;
  readonly lastMonth?: true | undefined;
  readonly month?: string | undefined;
  readonly weekStart?: WeekStart | undefined;
  readonly between?: string | undefined;
  readonly service?: Service | undefined;
  readonly json?: true | undefined;
};

type Reconciled = Member & ReconciledLake;

async function run(cli: Cli, flags: Flags): Promise<void> {
  const { last, from, to, lastWeek, lastMonth, month, weekStart, between, service, json } = flags;
  const window = { last, from, to, lastWeek, lastMonth, month, weekStart };
  const lake = lakeOf(cli, flags);
  try {
    const all: Reconciled[] = [];
    for (const member of await lake.members()) {
      all.push({ ...member, report: await member.lake.reconcile({ ...window, between, service }) });
    }
    cli.progressDone();
    if (json) await cli.json(lakesJson(all));
    else {
      const table = tableStyle(cli);
      const texts = [];
      for (const reconciled of all) texts.push(await reconcileText(reconciled, table));
      await cli.out(texts.join("\n"));
    }
    fail(all);
  } finally {
    await lake.close();
  }
}

/** @throws {GcUsageError} fired, incomplete */
function fail(all: readonly Reconciled[]): void {
  const missing = all.flatMap(missingSides);
  const unexplained = all.reduce((sum, { report }) => sum + report.unexplained.length, 0);
  if (unexplained > 0) {
    throw new GcUsageError(
      "fired",
      `${counted(unexplained, "figure")} ${unexplained === 1 ? "differs" : "differ"} for no known reason.`,
      {
        hint: [
          "The two sides may have been fetched at different times: run `gc-usage sync --refetch` for these days, then compare again.",
          ...missing.map(({ message }) => message),
        ].join(" "),
      },
    );
  }
  const [first] = missing;
  if (first === undefined) return;
  throw new GcUsageError("incomplete", missing.map(({ message }) => message).join(" "), {
    hint: `Run \`${first.sync}\` first.`,
  });
}
