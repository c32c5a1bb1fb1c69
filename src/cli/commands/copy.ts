import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { StackSettings } from "../../aws/stack.ts";
import type { Lake } from "../../lake/lake.ts";
import { checkLocation } from "../../lake/location.ts";
import { openLake, openOrCreateLake } from "../../lake/open.ts";
import { storeKind } from "../../lake/stores.ts";
import { counted } from "../../support/count.ts";
import { GcUsageError } from "../../support/errors.ts";
import { shellWord } from "../../support/quote.ts";
import { sizeText } from "../../support/size.ts";
import { type CopySummary, copyLake, type Kept } from "../../sync/copy.ts";
import type { Cli } from "../cli.ts";
import { foreignText } from "../foreign-text.ts";
import { ORGANIZATION } from "../options.ts";
import { lakeToWrite, warnBeforeFirstDay } from "../stack.ts";
import { UPGRADE } from "../version.ts";

export function command(cli: Cli): CommandUnknownOpts {
  return new Command("copy")
    .description(
      "Copy a lake between folders and S3. Copies only missing or different files, then reads them back and compares " +
        "them. Safe to interrupt: run it again to resume.",
    )
    .argument("<from>", "lake to copy, as a folder or s3://bucket/prefix")
    .argument("[to]", "lake to copy to; a missing folder is created")
    .option("--stack <name>", "copy to this stack's lake")
    .option("--force", "replace slices that cover more, and raw rows that differ")
    .option(...ORGANIZATION)
    .option("--dry-run", "show what would be copied without copying")
    .option("--json", "print the summary as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage copy usage-lake --stack gc-usage\n  gc-usage copy s3://my-bucket usage-lake --dry-run",
    )
    .action(async (from, to, options) => {
      if ((to === undefined) === (options.stack === undefined)) {
        throw new GcUsageError("input", "Set the target once: as an argument or with --stack.", {
          hint: "Use `gc-usage copy FROM TO` or `gc-usage copy FROM --stack NAME`.",
        });
      }
      checkLocation(from, "the lake to copy");
      if (to !== undefined) checkLocation(to, "the lake to copy to");
      const target = await lakeToWrite(cli, { lake: to, stack: options.stack });
      if (storeKind(from).canonical(from) === storeKind(target.uri).canonical(target.uri)) {
        throw new GcUsageError("input", `${from} and ${target.uri} are the same lake.`, {
          hint: "Give two different lakes.",
        });
      }
      const source = await openLake(from, cli);
      try {
        const lake = await openOrCreateLake(target.uri, cli);
        try {
          await copy(cli, source, lake, target.stack, options);
        } finally {
          await lake.close();
        }
      } finally {
        await source.close();
      }
    });
}

async function copy(
  cli: Cli,
  from: Lake,
  to: Lake,
  stack: StackSettings | undefined,
  { force = false, dryRun = false, json = false, organization }: FlagValues,
): Promise<void> {
  if (stack) warnBeforeFirstDay(cli, stack, (await from.list()).map(({ key }) => key.date).sort()[0]);
  const summary = await copyLake({
    from,
    to,
    force,
    dryRun,
    organization,
    log: cli.log,
    signal: cli.signal,
    progress: (text) => cli.progress(text),
    onProgress: (done, of) => cli.progress(`copied ${done}/${of}`),
  });
  cli.progressDone();
  const { kept } = summary;
  const forceable = notCopied(kept, "knows-more", "other-rows");
  if (forceable !== undefined) cli.log.warn(`${forceable} To replace what is there, add --force.`);
  const stray = foreignText(summary.foreign);
  if (stray !== undefined) cli.log.info(`Not copied, because it is not data: ${stray}.`);
  const newer = notCopied(kept, "newer");
  if (newer !== undefined) cli.log.warn(`${newer} --force does not replace it. ${UPGRADE}`);
  if (json) await cli.json({ from: from.uri, to: to.uri, dryRun, ...summary });
  else cli.log.info(summaryText(summary, to.uri, dryRun));
  const damaged = notCopied(kept, "damaged");
  if (damaged === undefined) return;
  // An error, so that nobody deletes the source after an incomplete copy.
  throw new GcUsageError("lake", damaged, {
    hint: `Everything else was copied. Run \`gc-usage verify --lake ${shellWord(from.uri)}\` to get the command that refetches it. Then copy again.`,
  });
}

function notCopied(kept: readonly Kept[], ...reasons: readonly Kept["reason"][]): string | undefined {
  const [first, ...others] = kept.filter(({ reason }) => reasons.includes(reason));
  if (first === undefined) return undefined;
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  return `Not copied: ${first.path}, ${first.why}${more}.`;
}

interface FlagValues {
  force?: boolean | undefined;
  dryRun?: boolean | undefined;
  json?: boolean | undefined;
  organization?: string | undefined;
}

function summaryText({ slices, sources, bytes }: CopySummary, to: string, dryRun: boolean): string {
  return (
    `${dryRun ? "Would copy" : "Copied"} ${counted(slices.copied, "slice")} and ${counted(sources.copied, "file")} of raw rows (${sizeText(bytes)}) to ${to}; ` +
    `${slices.same + sources.same} already existed, ${slices.kept + sources.kept} left unchanged.`
  );
}
