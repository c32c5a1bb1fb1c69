import { Command } from "@commander-js/extra-typings";
import type { Member } from "../../index.ts";
import { GcUsageError } from "../../support/errors.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import type { Service } from "../../usage/service.ts";
import { type AllowanceFlags, addAllowanceOptions } from "../allowance-options.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions, type ConnectionOptions } from "../connection.ts";
import { fairUseText, gapOf, type ReportedLake } from "../fair-use-text.ts";
import { addEngineOptions, type EngineFlags, lakeOf } from "../lake-options.ts";
import { lakesJson } from "../lakes-json.ts";
import { amountOption, serviceOption } from "../options.ts";
import { tableStyle } from "../small-table.ts";

export function command(cli: Cli) {
  const fairUse = new Command("fair-use")
    .description(
      "Compare the requests of a billing month with the fair use allowance: used, expected, overage and its price, by client.",
    )
    .option("--to <day>", "last UTC day that counts as used (default: yesterday)");
  const allowed = addAllowanceOptions(fairUse)
    .option(
      "--overage-price <price>",
      "price of each request above the allowance (default: the contract's)",
      amountOption("--overage-price"),
    )
    .option(
      "--currency <code>",
      "currency of the price, as an ISO 4217 code (default: the contract's, else USD)",
    )
    .option(
      "--exempt <client>",
      "also calculate everything without this client: id, name or part of the name; can be repeated",
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    )
    .option(
      "--fail-at <percent>",
      "fail with exit code 13 if so much of the allowance is used or expected to be used, for example 90",
      amountOption("--fail-at"),
    )
    .option(
      "--product <name>",
      "part of the name or SKU of the contract's charge for API requests (default: the charge with such a name)",
    )
    .option("--offline", "do not read the contract from Genesys Cloud")
    .option(
      "--service <name>",
      "service to count: legacy or jobs (default: the one with more days of the month, legacy first)",
      serviceOption,
    )
    .option("--group-by <dimensions>", "grouping to read, for example client,uri,method", parseGrouping)
    .option("--json", "print the report as JSON, with all clients");
  return addConnectionOptions(addEngineOptions(allowed))
    .addHelpText("after", HELP)
    .action(async (options) => await run(cli, options));
}

const HELP = `
The contract, its billing period, the allowance and the price come from the
billing endpoints, if the credentials have the permission
billing:subscription:view. What you set with options has precedence.

Examples:
  gc-usage fair-use
  gc-usage fair-use --licenses cx3=100,cx2-concurrent=20 --period-start 15
  gc-usage fair-use --allowance 182000 --overage-price 0.0005 --fail-at 90
  gc-usage fair-use --exempt "Data warehouse loader"`;

type Flags = EngineFlags &
  AllowanceFlags &
  ConnectionOptions & {
    readonly to?: string | undefined;
    readonly overagePrice?: number | undefined;
    readonly currency?: string | undefined;
    readonly exempt?: readonly string[] | undefined;
    readonly failAt?: number | undefined;
    readonly product?: string | undefined;
    readonly offline?: true | undefined;
    readonly service?: Service | undefined;
    readonly groupBy?: string | undefined;
    readonly json?: true | undefined;
  };

interface Reported extends Member, ReportedLake {
  readonly organization: string | undefined;
  readonly flags: string;
}

async function run(cli: Cli, flags: Flags): Promise<void> {
  const { failAt, json, lake: _lake, stack: _stack, ...options } = flags;
  const lake = lakeOf(cli, flags, flags);
  try {
    const all: Reported[] = [];
    for (const member of await lake.members()) {
      all.push({ ...member, report: await member.lake.fairUse(options) });
    }
    cli.progressDone();
    if (json) await cli.json(lakesJson(all));
    else {
      const table = tableStyle(cli);
      const texts = [];
      for (const reported of all) texts.push(await fairUseText(reported, table));
      await cli.out(texts.join("\n"));
    }
    if (failAt !== undefined) for (const reported of all) failIf(reported, failAt);
  } finally {
    await lake.close();
  }
}

/** @throws {GcUsageError} fired; incomplete, if days are missing or there is no forecast, so that nothing is certain. */
function failIf({ organization, flags, report }: Reported, failAt: number): void {
  const { used, forecast } = report;
  const whose = organization === undefined ? "" : `${organization}: `;
  const percent = Math.max(used.percent, forecast?.percent ?? 0);
  if (percent >= failAt) {
    const what = used.percent >= failAt ? "used" : "expected to be used";
    throw new GcUsageError(
      "fired",
      `${whose}${percent}% of the allowance is ${what} (--fail-at ${failAt}).`,
      { hint: `To see which endpoints a client calls: gc-usage ask busy-endpoints --client NAME${flags}` },
    );
  }
  const gap = gapOf(report, flags);
  if (gap !== undefined)
    throw new GcUsageError("incomplete", `${whose}Days of the billing month are missing: ${gap.days}.`, {
      hint: `Run \`${gap.sync}\` first.`,
    });
  if (forecast === null)
    throw new GcUsageError("incomplete", `${whose}There is no forecast: the lake has too little history.`, {
      hint: `Fetch more days: gc-usage sync --last 90d${flags}`,
    });
}
