import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeAnswer } from "./answer.ts";
import { type Measured, measure, median } from "./measure.ts";
import { serveAnswer } from "./serve.ts";

/**
 * `npm run bench`: our commands and jq on the same answer, in turn, in one run. The figures are medians and
 * ratios. ROWS and RUNS change the size and the number of rounds.
 */
const ROWS = Number(process.env["ROWS"] ?? 1_000_000);
const RUNS = Number(process.env["RUNS"] ?? 3);
const BIN = fileURLToPath(new URL("../dist/cli/bin.js", import.meta.url));

const folder = await mkdtemp(join(tmpdir(), "gc-usage-bench-"));
try {
  const file = join(folder, "answer.json");
  await writeAnswer(file, ROWS);
  const served = await serveAnswer(file);
  const contenders = [
    {
      name: "gc-usage results ID --ndjson",
      command: process.execPath,
      args: [BIN, "results", "bench", "--ndjson"],
    },
    { name: "gc-usage rows", command: process.execPath, args: [BIN, "rows", file] },
    {
      name: "gc-usage load",
      command: process.execPath,
      args: [BIN, "load", file, "--granularity", "day", "--lake", join(folder, "lake"), "--quiet"],
    },
    ...(hasJq() ? [{ name: "jq -c '.results[]'", command: "jq", args: ["-c", ".results[]", file] }] : []),
  ];
  const measured = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
  for (let run = 0; run < RUNS; run++) {
    for (const { name, command, args } of contenders) {
      measured.get(name)?.push(await measure(command, args, { cwd: folder, env: served.env }));
      await rm(join(folder, "lake"), { recursive: true, force: true });
    }
  }
  served.close();
  report(measured);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function hasJq(): boolean {
  const found = spawnSync("jq", ["--version"]).status === 0;
  if (!found) process.stderr.write("jq is not installed: there is nothing to compare with.\n");
  return found;
}

function report(measured: ReadonlyMap<string, readonly Measured[]>): void {
  const rows = [...measured].map(([name, runs]) => ({
    name,
    seconds: median(runs.map(({ seconds }) => seconds)),
    peak: median(runs.map(({ peakBytes }) => peakBytes ?? Number.NaN)) / 2 ** 20,
  }));
  const jq = rows.find(({ name }) => name.startsWith("jq"));
  process.stdout.write(
    `${ROWS.toLocaleString("en-US")} rows, medians of ${RUNS} runs in turn, Node ${process.version}\n\n`,
  );
  process.stdout.write(
    "| command | seconds | peak MiB | time against jq | memory against jq |\n|---|--:|--:|--:|--:|\n",
  );
  for (const { name, seconds, peak } of rows) {
    const ratio = (own: number, other: number | undefined): string =>
      other === undefined ? "" : (own / other).toFixed(2);
    process.stdout.write(
      `| ${name} | ${seconds.toFixed(1)} | ${peak.toFixed(0)} | ${ratio(seconds, jq?.seconds)} | ${ratio(peak, jq?.peak)} |\n`,
    );
  }
}
