import { Command } from "@commander-js/extra-typings";
import type { Lake } from "../../lake/lake.ts";
import { counted } from "../../support/count.ts";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError } from "../../support/errors.ts";
import { printable } from "../../support/printable.ts";
import { sizeText } from "../../support/size.ts";
import { type Finding, type Verified, verifyLake } from "../../sync/verify.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colors.ts";
import { flagsOfLake } from "../query-options.ts";
import { addLakeOptions, type LakeFlags, type NamedLake, withLakes } from "../stack.ts";

export function command(cli: Cli) {
  const verify = new Command("verify").description(
    "Read and check every slice: its rows against its metadata, its name against its content, raw rows against their " +
      "slice. Reports each problem with the command that fixes it. Changes nothing.",
  );
  return addLakeOptions(verify)
    .option("--json", "print the findings as JSON")
    .addHelpText("after", HELP)
    .action(async (options) => {
      await withLakes(cli, options, (uri, lakes) => run(cli, uri, lakes, options));
    });
}

const HELP = `
The exit code is 0 without problems, and 9 if there are any. Notes do not change
it. They report files that are not part of the lake, slices of a newer version,
and figures of the service that do not add up. If --lake is a folder of several
organizations' lakes, each is verified.

Examples:
  gc-usage verify
  gc-usage verify --stack gc-usage --json`;

async function run(
  cli: Cli,
  uri: string,
  lakes: readonly NamedLake[],
  flags: LakeFlags & { readonly json?: true | undefined },
): Promise<void> {
  const now = realEffects.now();
  const all: object[] = [];
  let problems = 0;
  for (const [i, { organization, lake }] of lakes.entries()) {
    const verified = await verifyLake(lake, {
      now,
      lakeFlags: flagsOfLake(flags, organization, lake),
      waiting: cli,
      onProgress: (done, of) => cli.progress(`${lake.uri}: verified ${done}/${of}`),
    });
    cli.progressDone();
    const found = verified.findings.filter(({ isProblem }) => isProblem);
    problems += found.length;
    all.push({ ...(organization === undefined ? {} : { organization }), ...json(lake, verified) });
    if (!flags.json) await cli.out((i > 0 ? "\n" : "") + verifiedText(lake, verified));
  }
  if (flags.json) {
    const [only] = all;
    await cli.json(
      lakes[0]?.organization === undefined ? only : { lake: uri, ok: problems === 0, lakes: all },
    );
  }
  if (problems === 0) return;
  throw new GcUsageError("lake", `${counted(problems, "problem")} found in ${uri}.`, {
    hint: "Follow the step listed with each problem. Then run `gc-usage verify` again.",
  });
}

function json(lake: Lake, { findings, ...counts }: Verified) {
  const of = (isProblem: boolean) =>
    findings
      .filter((finding) => finding.isProblem === isProblem)
      .map(({ path, kind, what, next }) => ({ path, kind, what, next }));
  const problems = of(true);
  return { lake: lake.uri, ok: problems.length === 0, ...counts, problems, notes: of(false) };
}

/** The number of notes to list. Problems are all listed. */
const NOTES = 20;

function verifiedText(lake: Lake, { slices, rows, bytes, sources, findings }: Verified): string {
  const raw = sources === 0 ? "" : `, ${counted(sources, "file")} of raw rows`;
  const problems = findings.filter(({ isProblem }) => isProblem);
  const notes = findings.filter(({ isProblem }) => !isProblem);
  const more = notes.length > NOTES ? `  and ${notes.length - NOTES} more (list them with --json)\n` : "";
  return (
    `${lake.uri}: ${counted(slices, "slice")}, ${counted(rows, "row")}${raw}, ${sizeText(bytes)} read. ` +
    `${problems.length === 0 ? onOut.green("No problems.") : onOut.red(`${counted(problems.length, "problem")}.`)}\n` +
    listText("Problems", problems) +
    listText("Notes", notes.slice(0, NOTES)) +
    more
  );
}

function listText(title: string, findings: readonly Finding[]): string {
  if (findings.length === 0) return "";
  return `\n${onOut.bold(title)}\n${findings.map(findingText).join("")}`;
}

function findingText({ path, what, next }: Finding): string {
  // A name may contain any character.
  const lines = [path, `  ${what}`, `  → ${next}`].map((line) =>
    printable(line).replaceAll(/[\n\t]/g, "\ufffd"),
  );
  return lines.map((line) => `  ${line}\n`).join("");
}
