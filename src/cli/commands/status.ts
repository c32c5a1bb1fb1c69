import { Command } from "@commander-js/extra-typings";
import {
  type Costs,
  checkSeries,
  type LakeStatus,
  type Member,
  TARGET_DEFAULTS,
  type UsageLake,
} from "../../index.ts";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../../support/errors.ts";
import { lastDay } from "../../usage/day.ts";
import { type Grouping, parseGrouping } from "../../usage/grouping.ts";
import type { Granularity } from "../../usage/period.ts";
import type { Service } from "../../usage/service.ts";
import type { Cli } from "../cli.ts";
import { addLakeOptions, type LakeFlags, lakeOf } from "../lake-options.ts";
import { ageOption, granularityOption, integerOption, serviceOption } from "../options.ts";
import { costText, statusText } from "../status-text.ts";

export function command(cli: Cli) {
  const status = new Command("status").description(
    "Show what the lake contains: its rows, its size, and which days are present, missing, empty or may still change.",
  );
  return addLakeOptions(status)
    .option(
      "--settle <days>",
      "number of recent days that may still change",
      integerOption("--settle", 0, 400),
      TARGET_DEFAULTS.settleDays,
    )
    .option("--service <name>", "show only this service: jobs or legacy", serviceOption)
    .option("--group-by <dimensions>", "show only this grouping, for example client,user", parseGrouping)
    .option("--granularity <name>", "show only day, week, month or total slices", granularityOption)
    .option("--check", "fail with exit code 12 if a day up to yesterday is missing or incomplete")
    .option(
      "--max-age <time>",
      "with --check, also fail if the newest day ended longer ago, for example 36h, 2d or 1w",
      ageOption("--max-age"),
    )
    .option("--cost", "also show what gc-usage itself has cost: API calls, data scanned by Athena, time")
    .option("--json", "print the status as JSON")
    .addHelpText("after", HELP)
    .action(async (options) => {
      if (options.maxAge !== undefined && !options.check) {
        throw new GcUsageError("input", "--max-age needs --check.", {
          hint: "Add --check, or omit --max-age.",
        });
      }
      const lake = lakeOf(cli, options);
      await run(cli, lake, options);
    });
}

const HELP = `
If --lake is a folder of several organizations' lakes, each is shown. Totals
have no days that could be missing, so --check only verifies that they can be
read.

Examples:
  gc-usage status --lake usage-lake
  gc-usage status --check --max-age 2d --quiet > /dev/null`;

type Flags = LakeFlags & {
  readonly settle: number;
  readonly service?: Service | undefined;
  readonly groupBy?: Grouping | undefined;
  readonly granularity?: Granularity | undefined;
  readonly check?: true | undefined;
  readonly maxAge?: number | undefined;
  readonly cost?: true | undefined;
  readonly json?: true | undefined;
};

interface Shown extends Member {
  readonly status: LakeStatus;
  /** Undefined if not asked for. */
  readonly cost: Costs | undefined;
}

async function run(cli: Cli, lake: UsageLake, flags: Flags): Promise<void> {
  const uri = await lake.location();
  const lakes = await lake.members();
  const now = realEffects.now();
  const until = flags.check && flags.maxAge === undefined ? lastDay(now) : undefined;
  const all: Shown[] = [];
  for (const member of lakes) {
    const { service, granularity, groupBy: grouping, settle: settleDays } = flags;
    const status = await member.lake.status({ service, granularity, grouping, settleDays, until });
    all.push({ ...member, status, cost: flags.cost && (await member.lake.costs()) });
  }
  const isSeveral = lakes.some(({ organization }) => organization !== undefined);
  // Statements over all lakes cannot be divided among them.
  const shared = flags.cost && isSeveral ? await lake.costs() : undefined;
  cli.progressDone();
  if (flags.json) await cli.json(json(uri, all, shared));
  else {
    await cli.out(
      all
        .map(({ uri: place, status, cost }) => statusText(place, status) + (cost ? costText(cost) : ""))
        .join("\n") +
        (shared && shared.months.length > 0 ? `\n${uri}: all lakes together${costText(shared)}` : ""),
    );
  }
  if (flags.check) check(all, flags, now);
}

function json(uri: string, all: readonly Shown[], shared: Costs | undefined): object {
  const of = ({ uri: lake, status, cost }: Shown): object => ({
    lake,
    ...status,
    ...costJson(cost),
    organization: status.organization ?? null,
    source: status.source ?? null,
  });
  const [first] = all;
  if (first && first.organization === undefined) return of(first);
  // The folder's name differs from the organization's id, so both are included.
  return {
    lake: uri,
    ...costJson(shared),
    lakes: all.map((shown) => ({ name: shown.organization, ...of(shown) })),
  };
}

function costJson(cost: Costs | undefined): object {
  if (cost === undefined) return {};
  const { months, total, usdPerTb, usdPerTbSource } = cost;
  return { cost: months, costTotal: { ...total, usdPerTb, usdPerTbSource } };
}

/** @throws {GcUsageError} incomplete, with the first series that fails the check and the number of others. */
function check(all: readonly Shown[], flags: Flags, now: number): void {
  const failures = all.flatMap(({ organization, flags: lakeFlags, status }) => {
    const where = { lakeFlags, now };
    const whose = organization === undefined ? "" : `${organization}: `;
    const series = status.series.length === 0 ? [[]] : status.series.map((item) => [item]);
    return series.flatMap((items) => {
      const isTotal = items[0]?.granularity === "total";
      const demands = { requireComplete: true, maxAgeMs: isTotal ? undefined : flags.maxAge };
      return failureOf(whose, () => checkSeries(items, demands, where));
    });
  });
  const [first] = failures;
  if (!first) return;
  const { kind, message, hint } = first;
  const others = failures.length - 1;
  const more =
    others === 0 ? "" : ` ${others} more ${others === 1 ? "series is" : "series are"} incomplete or too old.`;
  throw new GcUsageError(kind, `${message}${more}`, {
    ...(hint === undefined ? {} : { hint }),
    details: {
      series: failures.map((error) => ({ message: error.message, hint: error.hint, ...error.details })),
    },
  });
}

function failureOf(whose: string, task: () => void): GcUsageError[] {
  try {
    task();
    return [];
  } catch (error) {
    if (!isGcUsageError(error)) throw error;
    const { kind, message, hint, details } = error;
    return [new GcUsageError(kind, whose + message, { ...(hint === undefined ? {} : { hint }), details })];
  }
}
