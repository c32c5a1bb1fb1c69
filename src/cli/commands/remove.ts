import { Command } from "@commander-js/extra-typings";
import type { OnProgress, Removable, Removal, Selection, UsageLake } from "../../index.ts";
import { counted } from "../../support/count.ts";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../../support/errors.ts";
import { parseDay } from "../../usage/day.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { describeSeries } from "../../usage/series.ts";
import { slicePath } from "../../usage/slice.ts";
import { checkWeekStart, hasStart, type WindowFlags, windowOf } from "../../usage/window.ts";
import type { Cli } from "../cli.ts";
import { confirmed } from "../confirm.ts";
import { addLakeOptions, lakeOf } from "../lake-options.ts";
import { granularityOption, serviceOption } from "../options.ts";
import { progressText } from "../progress-text.ts";
import { removableText, totalsOf } from "../removal-text.ts";
import { addWeekStartOption, addWindowOptions } from "../window-options.ts";

export function command(cli: Cli) {
  const described = new Command("remove").description(
    "Remove slices from the lake: a range of days, a series, or both. Shows what would be removed and asks first. " +
      "Safe to interrupt: run it again to remove the rest.",
  );
  const ranged = addWindowOptions(described, {
    last: "length of the range up to yesterday, for example 7d, 4w, 3m or 1y",
    from: "first UTC day to remove (default: the lake's first)",
    to: "last UTC day to remove (default: the lake's last)",
  });
  const remove = addWeekStartOption(ranged)
    .option("--service <name>", "remove only this service: jobs or legacy", serviceOption)
    .option("--group-by <dimensions>", "remove only this grouping, for example client,user", parseGrouping)
    .option("--granularity <name>", "remove only day, week, month or total slices", granularityOption)
    .option("--force", "also remove slices that a newer version of gc-usage wrote")
    .option("--dry-run", "show what would be removed without removing it")
    .option("--yes", "do not ask for confirmation")
    .option("--json", "print what was or would be removed as JSON");
  return addLakeOptions(remove)
    .addHelpText("after", HELP)
    .action(async (options) => {
      const now = realEffects.now();
      const selection = selectionOf(options, now);
      await run(cli, lakeOf(cli, options), selection, options);
    });
}

const HELP = `
A slice is removed if the range contains every past day of its period: a month
slice is kept if the range contains only part of the month. The raw rows that
sync --keep-source stored for a slice are removed with it. Everything else is
kept, including the raw rows of loaded results and files that are not slices.
The next sync refetches removed days if they are in its range.

Examples:
  gc-usage remove --to 2025-12-31 --dry-run
  gc-usage remove --month 2025-12 --dry-run
  gc-usage remove --group-by client,user --yes
  gc-usage remove --from 2026-11-03 --to 2026-11-03 --granularity day`;

type Flags = {
  readonly force?: true | undefined;
  readonly dryRun?: true | undefined;
  readonly yes?: true | undefined;
  readonly json?: true | undefined;
};

interface SelectionFlags extends Pick<Selection, "service" | "granularity">, WindowFlags {
  readonly groupBy?: Selection["grouping"];
}

/** @throws {GcUsageError} input, for invalid days or days in the wrong order, and if nothing is selected. */
function selectionOf(flags: SelectionFlags, now: number): Selection {
  const { service, granularity, groupBy: grouping } = flags;
  checkWeekStart(flags);
  if (!hasStart(flags) && [flags.to, service, granularity, grouping].every((value) => value === undefined)) {
    throw new GcUsageError("input", "No slices are selected.", {
      hint: "Set a range with --from and --to, a series with --service, --group-by or --granularity, or both.",
    });
  }
  return { service, granularity, grouping, ...rangeOf(flags, now) };
}

/** Without a start or an end, the range is open. */
function rangeOf(flags: WindowFlags, now: number): Pick<Selection, "from" | "to"> {
  if (hasStart({ ...flags, from: undefined })) {
    const { start, end } = windowOf(flags, undefined, now);
    return { from: start, to: end };
  }
  const from = flags.from === undefined ? undefined : parseDay(flags.from, "--from");
  const to = flags.to === undefined ? undefined : parseDay(flags.to, "--to");
  if (from !== undefined && to !== undefined && from > to) {
    throw new GcUsageError("input", `--from ${from} is after --to ${to}.`, {
      hint: "Set --from to the earlier day. Both days are inclusive.",
    });
  }
  return { from, to };
}

async function run(cli: Cli, lake: UsageLake, selection: Selection, flags: Flags): Promise<void> {
  const uri = await lake.location();
  const plan = await lake.removable(selection);
  cli.progressDone();
  const { removable } = plan;
  if (plan.straddling.length > 0) cli.log.info(straddlingText(plan));
  if (removable.length === 0) {
    cli.log.info(`Nothing to remove from ${uri}: no slice matches. ${await contents(lake)}`);
    if (flags.json) await cli.json(summary(uri, [], flags));
    return;
  }
  if (flags.dryRun) {
    if (flags.json) await cli.json(summary(uri, removable, flags));
    else await cli.out(`Would remove from ${uri}: ${removableText(removable)}`);
    warnOfNewer(cli, removable, flags);
    return;
  }
  const shown = `To be removed from ${uri}: ${removableText(removable)}`.trimEnd();
  // The person who is asked must see what would be removed, even with --quiet.
  if (flags.yes) cli.log.info(shown);
  else cli.note(shown);
  refuseNewer(removable, flags);
  await lake.checkWritable();
  if (!(await confirmed(cli, "Remove them? [y/N] ", flags.yes, "Nothing was removed"))) {
    cli.log.info("Nothing was removed.");
    if (flags.json) await cli.json(summary(uri, [], flags));
    return;
  }
  await removeAll(cli, lake, uri, removable, flags);
}

async function removeAll(
  cli: Cli,
  lake: UsageLake,
  uri: string,
  removable: readonly Removable[],
  flags: Flags,
): Promise<void> {
  let done = 0;
  const onProgress: OnProgress = (progress) => {
    if (progress.kind === "remove") done = progress.done;
    cli.progress(progressText(progress));
  };
  const { removed, changed } = await lake.remove(removable, { onProgress }).catch((error: unknown) => {
    throw withProgress(error, done, removable.length);
  });
  cli.progressDone();
  if (flags.json) await cli.json(summary(uri, removed, flags));
  else cli.log.info(`Removed ${counted(removed.length, "slice")} from ${uri}.`);
  const [first] = changed;
  if (!first) return;
  throw new GcUsageError(
    "refused",
    `${counted(changed.length, "slice")} changed in the meantime and left unchanged, for example ${slicePath(first)}.`,
    {
      hint: "Another program is writing to this lake. To see what is left, run the command again with --dry-run.",
    },
  );
}

function withProgress(error: unknown, done: number, of: number): unknown {
  if (!isGcUsageError(error)) return error;
  const { kind, message, hint, details } = error;
  const next = `${done} of ${counted(of, "slice")} ${done === 1 ? "is" : "are"} removed. To remove the rest, run the same command again.`;
  return new GcUsageError(kind, message, {
    hint: [hint, done === 0 ? "No slice was removed." : next].filter(Boolean).join(" "),
    cause: error,
    details,
  });
}

function newerAmong(removable: readonly Removable[]): GcUsageError | undefined {
  const newer = removable.flatMap(({ slice }) => (slice?.state === "newer" ? slice : []));
  const [first] = newer;
  if (!first) return undefined;
  return new GcUsageError(
    "refused",
    `${counted(newer.length, "slice")} written by ${first.writtenBy}, newer than this program, for example ${slicePath(first.key)}.`,
    { hint: "To remove them too, add --force." },
  );
}

/** @throws {GcUsageError} refused */
function refuseNewer(removable: readonly Removable[], { force }: Flags): void {
  const newer = force ? undefined : newerAmong(removable);
  if (!newer) return;
  throw new GcUsageError("refused", `Nothing was removed: ${newer.message}`, { hint: newer.hint ?? "" });
}

function warnOfNewer(cli: Cli, removable: readonly Removable[], { force }: Flags): void {
  const newer = force ? undefined : newerAmong(removable);
  if (newer) cli.log.warn(`${newer.message} ${newer.hint}`);
}

function straddlingText({ straddling }: Removal): string {
  const [first] = straddling;
  const it = straddling.length === 1 ? "its period is" : "their periods are";
  return (
    `Not selected, because ${it} only partly in the range: ${counted(straddling.length, "slice")}` +
    `${first ? `, for example ${slicePath(first)}` : ""}.`
  );
}

async function contents(lake: UsageLake): Promise<string> {
  const has = (await lake.series()).map(describeSeries);
  return has.length === 0 ? "The lake is empty." : `The lake contains ${has.join("; ")}.`;
}

function summary(lake: string, removable: readonly Removable[], { dryRun }: Flags) {
  return {
    lake,
    dryRun: dryRun ?? false,
    ...totalsOf(removable),
    objects: removable.map(({ key, slice, source }) => ({
      path: slicePath(key),
      state: slice?.state ?? null,
      rows: slice?.provenance?.rows ?? null,
      bytes: slice?.object.bytes ?? 0,
      source: source?.path ?? null,
    })),
  };
}
