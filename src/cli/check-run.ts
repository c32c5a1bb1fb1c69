import { isNews, type Member, type Rule } from "../index.ts";
import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { describeRanges } from "../usage/envelope.ts";
import type { Service } from "../usage/service.ts";
import { type CheckFormat, formatCheck } from "./check-formats.ts";
import { type CheckedLake, previewText } from "./check-text.ts";
import type { Cli } from "./cli.ts";
import { type DestinationFlags, destinationsOf } from "./destinations.ts";
import { type EngineFlags, lakeOf } from "./lake-options.ts";
import { formatIn } from "./output.ts";
import { rulesOf } from "./rules.ts";

export type CheckFlags = EngineFlags &
  DestinationFlags & {
    readonly rules?: string | undefined;
    readonly to?: string | undefined;
    readonly onlyNew?: true | undefined;
    readonly dryRun?: true | undefined;
    readonly preview?: number | undefined;
    readonly service?: Service | undefined;
    readonly groupBy?: string | undefined;
    readonly format?: CheckFormat | undefined;
    readonly json?: true | undefined;
  };

/** Checks a lake, or each of several, and prints the findings. @throws {GcUsageError} fired, incomplete, service … */
export async function runCheck(cli: Cli, flags: CheckFlags): Promise<void> {
  const format = formatIn<CheckFormat>(flags, "text");
  const rules = await rulesOf(flags.rules);
  const lake = lakeOf(cli, flags);
  try {
    const members = await lake.members();
    if (flags.preview !== undefined) await preview(cli, members, rules, flags.preview, flags);
    else await check(cli, members, rules, format, flags);
  } finally {
    await lake.close();
  }
}

async function check(
  cli: Cli,
  members: readonly Member[],
  rules: readonly Rule[],
  format: CheckFormat,
  flags: CheckFlags,
): Promise<void> {
  const { to, service, groupBy, dryRun, onlyNew } = flags;
  const destinations = dryRun ? [] : await destinationsOf(cli, flags);
  const all: CheckedLake[] = [];
  for (const member of members) {
    const report = await member.lake.check({
      rules,
      to,
      service,
      groupBy,
      save: !dryRun,
      destinations,
      organizationName: member.organization,
    });
    all.push({
      ...member,
      report: onlyNew ? { ...report, findings: report.findings.filter(isNews) } : report,
    });
  }
  cli.progressDone();
  for (const { report, organization } of all) {
    const whose = organization === undefined ? "" : `${organization}: `;
    if (!report.isSaved && !dryRun && report.saveFailure === null)
      cli.log.info(`${whose}A later day was checked before, so this check is not remembered.`);
  }
  const text = formatCheck(format, all, { isQuietWhenClear: onlyNew ?? false });
  if (text !== "") await cli.out(text);
  fail(all, onlyNew ?? false);
}

/** @throws {GcUsageError} fired, incomplete */
function fail(all: readonly CheckedLake[], onlyNew: boolean): void {
  const counting = all.flatMap(({ report, flags }) =>
    report.findings.flatMap(({ id, status }) =>
      status === "new" || status === "worse" || (!onlyNew && status === "open") ? { id, flags } : [],
    ),
  );
  const [first] = counting;
  const unsaved = all.find(({ report }) => report.saveFailure !== null);
  if (unsaved !== undefined) throw notSaved(unsaved, counting.length);
  const missing = all.find(({ report }) => report.missing.length > 0);
  const unknown = missing && missingText(missing);
  if (first !== undefined) {
    throw new GcUsageError(
      "fired",
      onlyNew
        ? `${counted(counting.length, "new or worse finding")}.`
        : `${counted(counting.length, "finding")} ${counting.length === 1 ? "is" : "are"} open.`,
      {
        hint: [
          ...(unknown === undefined ? [] : [unknown.message, unknown.hint]),
          // Only a finding that is remembered can be acknowledged.
          all.every(({ report }) => report.isSaved)
            ? `To silence one for a while: gc-usage check ack ${first.id}${first.flags} --until DAY --reason "…"`
            : "This check was not remembered. Only findings of a remembered check can be acknowledged.",
        ].join(" "),
      },
    );
  }
  if (unknown !== undefined) throw new GcUsageError("incomplete", unknown.message, { hint: unknown.hint });
  const undelivered = all.reduce((sum, { report }) => sum + report.undelivered, 0);
  if (undelivered === 0) return;
  throw new GcUsageError("service", "Some messages were not delivered. They wait in the lake.", {
    hint: "Run the same command again to send them.",
  });
}

/** The findings were printed. Which of them are news is decided by the next check that can be remembered. */
function notSaved({ organization, report: { saveFailure } }: CheckedLake, counting: number): GcUsageError {
  const { kind, message, hint } = saveFailure ?? { kind: "lake", message: "", hint: null };
  const whose = organization === undefined ? "" : `${organization}: `;
  const open =
    counting === 0 ? "" : ` ${counted(counting, "finding")} ${counting === 1 ? "is" : "are"} open.`;
  return new GcUsageError(
    kind,
    `${whose}${message} So this check was not remembered, and nothing was sent.${open}`,
    { hint: [...(hint === null ? [] : [hint]), "To check without remembering, add --dry-run."].join(" ") },
  );
}

function missingText({ organization, report, flags }: CheckedLake): {
  readonly message: string;
  readonly hint: string;
} {
  const [first] = report.missing;
  const whose = organization === undefined ? "" : `${organization}: `;
  return {
    message: `${whose}Nothing is known about the newest days: the lake has no data for ${describeRanges(report.missing)}.`,
    hint: `Run \`gc-usage sync --from ${first?.from} --to ${report.missing.at(-1)?.to}${flags}\` first.`,
  };
}

async function preview(
  cli: Cli,
  members: readonly Member[],
  rules: readonly Rule[],
  days: number,
  flags: CheckFlags,
): Promise<void> {
  const { to, service, groupBy } = flags;
  const all = [];
  for (const { organization, lake, uri } of members) {
    all.push({
      organization,
      lake: uri,
      ...(await lake.previewRules(days, { rules, to, service, groupBy })),
    });
  }
  cli.progressDone();
  if (flags.json || flags.format === "json") await cli.json(all.length === 1 ? all[0] : { lakes: all });
  else await cli.out(all.map(previewText).join("\n"));
}
