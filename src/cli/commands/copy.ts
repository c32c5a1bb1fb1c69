import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { type CopySummary, checkLocation, type KeptObject } from "../../index.ts";
import { counted } from "../../support/count.ts";
import { GcUsageError } from "../../support/errors.ts";
import { shellWord } from "../../support/quote.ts";
import { sizeText } from "../../support/size.ts";
import { addAwsOptions } from "../aws-options.ts";
import type { Cli } from "../cli.ts";
import { foreignText } from "../foreign-text.ts";
import { lakeFlags, lakeOf } from "../lake-options.ts";
import { ORGANIZATION } from "../options.ts";
import { UPGRADE } from "../version.ts";

export function command(cli: Cli): CommandUnknownOpts {
  const copy = new Command("copy")
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
    .option("--json", "print the summary as JSON");
  return addAwsOptions(copy)
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage copy usage-lake --stack gc-usage\n  gc-usage copy s3://my-bucket usage-lake --dry-run",
    )
    .action(async (from, to, options) => {
      if ((to === undefined) === (options.stack === undefined)) {
        const problem = to === undefined ? "No lake to copy to is set." : "Two lakes to copy to are set.";
        throw new GcUsageError("input", problem, {
          hint: "Use `gc-usage copy FROM TO` or `gc-usage copy FROM --stack NAME`.",
        });
      }
      checkLocation(from, "the lake to copy");
      if (to !== undefined) checkLocation(to, "the lake to copy to");
      const target = lakeOf(cli, lakeFlags({ ...options, lake: to }));
      const summary = await lakeOf(cli, lakeFlags({ ...options, lake: from, stack: undefined })).copyTo(
        target,
        options,
      );
      await report(cli, from, await target.location(), summary, options);
    });
}

async function report(
  cli: Cli,
  from: string,
  to: string,
  summary: CopySummary,
  {
    dryRun = false,
    json = false,
  }: { readonly dryRun?: boolean | undefined; readonly json?: boolean | undefined },
): Promise<void> {
  cli.progressDone();
  const { kept } = summary;
  const forceable = notCopied(kept, "knows-more", "other-rows", "own-names");
  if (forceable !== undefined) cli.log.warn(`${forceable} To replace what is there, add --force.`);
  const stray = foreignText(summary.foreign);
  if (stray !== undefined) cli.log.info(`Not copied, because it is not data: ${stray}.`);
  const newer = notCopied(kept, "newer");
  if (newer !== undefined) cli.log.warn(`${newer} --force does not replace it. ${UPGRADE}`);
  if (json) await cli.json({ from, to, dryRun, ...summary });
  else cli.log.info(summaryText(summary, to, dryRun));
  const damaged = notCopied(kept, "damaged");
  if (damaged === undefined) return;
  // An error, so that nobody deletes the source after an incomplete copy.
  throw new GcUsageError("lake", damaged, {
    hint: `Everything else was copied. Run \`gc-usage verify --lake ${shellWord(from)}\` to get the command that refetches it. Then copy again.`,
  });
}

function notCopied(
  kept: readonly KeptObject[],
  ...reasons: readonly KeptObject["reason"][]
): string | undefined {
  const [first, ...others] = kept.filter(({ reason }) => reasons.includes(reason));
  if (first === undefined) return undefined;
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  return `Not copied: ${first.path}, ${first.why}${more}.`;
}

function summaryText({ slices, sources, names, bytes }: CopySummary, to: string, dryRun: boolean): string {
  const named = names.copied > 0 ? `, ${counted(names.copied, "file")} of names` : "";
  const [same, kept] = (["same", "kept"] as const).map((what) => slices[what] + sources[what] + names[what]);
  return (
    `${dryRun ? "Would copy" : "Copied"} ${counted(slices.copied, "slice")}${named} and ${counted(sources.copied, "file")} of raw rows (${sizeText(bytes)}) to ${to}; ` +
    `${same} already existed, ${kept} left unchanged.`
  );
}
