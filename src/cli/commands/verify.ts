import { Command } from "@commander-js/extra-typings";
import type { Finding, Member, Verified } from "../../index.ts";
import { counted } from "../../support/count.ts";
import { GcUsageError } from "../../support/errors.ts";
import { printable } from "../../support/printable.ts";
import { sizeText } from "../../support/size.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colors.ts";
import { addLakeOptions, lakeOf } from "../lake-options.ts";
import { progressText } from "../progress-text.ts";

export function command(cli: Cli) {
  const verify = new Command("verify").description(
    "Read and check every slice: its rows against its metadata, its name against its content, raw rows against their " +
      "slice. Reports each problem with the command that fixes it. Changes nothing.",
  );
  return addLakeOptions(verify)
    .option("--json", "print the findings as JSON")
    .addHelpText("after", HELP)
    .action(async (options) => {
      const lake = lakeOf(cli, options);
      await run(cli, await lake.location(), await lake.members(), options);
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
  lakes: readonly Member[],
  flags: { readonly json?: true | undefined },
): Promise<void> {
  const all: object[] = [];
  let problems = 0;
  for (const [i, { organization, uri: place, lake }] of lakes.entries()) {
    const verified = await lake.verify({
      onProgress: (progress) => cli.progress(`${place}: ${progressText(progress)}`),
    });
    cli.progressDone();
    const found = verified.findings.filter(({ isProblem }) => isProblem);
    problems += found.length;
    all.push({ ...(organization === undefined ? {} : { organization }), ...json(place, verified) });
    if (!flags.json) await cli.out((i > 0 ? "\n" : "") + verifiedText(place, verified));
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

function json(lake: string, { findings, ...counts }: Verified) {
  const of = (isProblem: boolean) =>
    findings
      .filter((finding) => finding.isProblem === isProblem)
      .map(({ path, kind, what, next }) => ({ path, kind, what, next }));
  const problems = of(true);
  return { lake, ok: problems.length === 0, ...counts, problems, notes: of(false) };
}

/** The number of notes to list. Problems are all listed. */
const NOTES = 20;

function verifiedText(lake: string, { slices, rows, bytes, sources, findings }: Verified): string {
  const raw = sources === 0 ? "" : `, ${counted(sources, "file")} of raw rows`;
  const problems = findings.filter(({ isProblem }) => isProblem);
  const notes = findings.filter(({ isProblem }) => !isProblem);
  const more = notes.length > NOTES ? `  and ${notes.length - NOTES} more (list them with --json)\n` : "";
  return (
    `${lake}: ${counted(slices, "slice")}, ${counted(rows, "row")}${raw}, ${sizeText(bytes)} read. ` +
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
