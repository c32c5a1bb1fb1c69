import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { type Sandbox, startSandbox } from "../src/sandbox/sandbox.ts";

/**
 * Creates a golden lake with the current program, which all later versions must be able to read. `npm run golden --
 * 0.2.0` writes test/golden/0.2.0, and `npm run golden` writes test/golden/unreleased. All golden lakes contain the
 * same rows, so that test/project/golden.test.ts can check them all: usage of a sandbox organization in every
 * granularity, from both services, synced and loaded, and the files that a killed sync left behind. A release
 * replaces the unreleased one.
 */
const UNRELEASED = "unreleased";
const GOLDEN = fileURLToPath(new URL("../test/golden/", import.meta.url));
const BIN = fileURLToPath(new URL("../dist/cli/bin.js", import.meta.url));
/** The sandbox's clock, and the modification time of the loaded files. */
const NOW = Date.parse("2026-11-27T18:50:00Z");

const SYNCS = [
  "--from 2026-11-19 --to 2026-11-20 --group-by client,method --keep-source",
  "--from 2026-11-19 --to 2026-11-19",
  "--from 2026-11-22 --to 2026-11-23 --group-by client --service legacy",
  "--from 2026-10-01 --to 2026-10-31 --group-by client,user --granularity month",
  "--from 2026-11-09 --to 2026-11-15 --group-by client,platform --granularity week",
  "--from 2026-11-01 --to 2026-11-10 --group-by client --granularity total",
];
const KILLED = "--from 2026-11-12 --to 2026-11-12 --group-by client";

const UNGROUPED = { organizationId: "", userId: "", templateUri: "", httpMethod: "" };
/**
 * Each array is a file to load: rows of the blueprint's article; the largest counts, unusual text, and an unknown
 * field.
 */
const LOADS = [
  [
    `{"clientId":"d57acb58-54a8-44ce-bafa-0c273a357a94","clientName":"Sample Client Credentials",${rest()},"status200":3,"status300":0,"status400":0,"status500":1,"status429":0,"requests":4,"date":"2021-01-12T00:00:00Z"}`,
    `{"clientId":"47de8a75-c884-487c-bd30-f4b476622bb7","clientName":"Another OAUth Client",${rest()},"status200":16,"status300":0,"status400":0,"status500":0,"status429":0,"requests":16,"date":"2021-01-29T00:00:00Z"}`,
  ],
  [
    `{"clientId":"a1","clientName":"Fr\\u00fch, \\"quoted\\" \\ud83d\\ude80",${rest()},"status429":9007199254740993,"requests":9223372036854775807,"newField":{"x":[1,2]},"date":"2025-01-02T00:00:00Z"}`,
  ],
];

function rest(): string {
  return JSON.stringify(UNGROUPED).slice(1, -1);
}

export const SUMS = `SELECT service, granularity, "grouping", CAST(date AS varchar) AS date, count(*) AS rows,
  sum(requests) AS requests, sum(status200) AS status200, sum(status429) AS status429
  FROM usage GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`;
export const SOURCE_ROWS =
  "SELECT granularity, count(*) AS rows FROM gc_usage_api_source GROUP BY 1 ORDER BY 1";

/** Runs the built program and returns its output. */
async function gcUsage(args: string, { env }: Pick<Sandbox, "env">, ...more: string[]): Promise<string> {
  const words = [BIN, ...args.split(" "), ...more];
  const { stdout } = await execa(process.execPath, words, { env, stripFinalNewline: false });
  return stdout;
}

async function makeLake(folder: string): Promise<void> {
  const lake = join(folder, "lake");
  const sandbox = await startSandbox({ seed: 1, now: NOW, jobDelayMs: 1 });
  try {
    for (const sync of SYNCS) await gcUsage(`sync ${sync}`, sandbox, "--lake", lake);
    for (const rows of LOADS) {
      const file = join(folder, "rows.ndjson");
      await writeFile(file, `${rows.join("\n")}\n`);
      await utimes(file, new Date(NOW), new Date(NOW));
      await gcUsage("load --granularity day --group-by client", sandbox, "--lake", lake, file);
      await rm(file);
    }
    for (const [file, sql] of [
      ["sums.csv", SUMS],
      ["source-rows.csv", SOURCE_ROWS],
    ] as const) {
      await writeFile(
        join(folder, file),
        await gcUsage("sql --output csv", sandbox, "--lake", lake, "--", sql),
      );
    }
  } finally {
    await sandbox.close();
  }
}

/** The files that a sync leaves behind if it is killed while its query runs. */
async function makeStaging(folder: string): Promise<void> {
  const lake = join(folder, "killed");
  const sandbox = await startSandbox({ seed: 1, now: NOW, jobDelayMs: 600_000 });
  const sync = execa(process.execPath, [BIN, "sync", ...KILLED.split(" "), "--lake", lake], {
    env: sandbox.env,
    reject: false,
  });
  try {
    while (!(await isSubmitted(join(lake, ".staging")))) await sleep(50);
  } finally {
    sync.kill("SIGKILL");
    await sync;
    await sandbox.close();
  }
  await rename(join(lake, ".staging"), join(folder, "staging"));
  await rm(lake, { recursive: true });
}

async function isSubmitted(staging: string): Promise<boolean> {
  const [name] = (await readdir(staging).catch(() => [])).filter((entry) => entry.startsWith("job."));
  if (name === undefined) return false;
  return (await readFile(join(staging, name, "job.json"), "utf8").catch(() => "")).includes('"id"');
}

async function main(name: string): Promise<void> {
  const target = join(GOLDEN, name);
  if (name !== UNRELEASED && existsSync(target))
    throw new Error(`${target} already exists, and a golden lake must never change.`);
  const work = await mkdtemp(join(tmpdir(), "golden-"));
  await makeLake(work);
  await makeStaging(work);
  await rm(join(GOLDEN, UNRELEASED), { recursive: true, force: true });
  await cp(work, target, { recursive: true });
  await rm(work, { recursive: true });
  process.stdout.write(`Created ${target}.\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2] ?? UNRELEASED);
