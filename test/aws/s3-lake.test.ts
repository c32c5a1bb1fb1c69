import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows } from "../../src/engine/engine.ts";
import { Lake } from "../../src/lake/lake.ts";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { parseFaults, type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { BIN } from "../helpers/bin.ts";
import { workFolder } from "../helpers/folders.ts";
import { putSlice, sliceKey } from "../helpers/lakes.ts";
import { expectTruth, fastEffects, runSync } from "../helpers/synced-lakes.ts";
import { deploy, type Env, gcUsage } from "./cli.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { mirrorAll, newBucket, openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3Client(clientOptions(aws));
const grouping = parseGrouping("client,method");
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const SPAN = { start: addDays(YESTERDAY, -29), end: YESTERDAY };

let sandbox: Sandbox;
let cache: string;

beforeAll(async () => {
  const faults = parseFaults("429=0.03,500=0.03,503=0.03,drop=0.03,cut=0.03,failed=0.1,forget=0.1");
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 5, faults });
  for (const [name, value] of Object.entries(awsEnv(aws))) vi.stubEnv(name, value);
});

afterAll(() => sandbox.close());

beforeEach(async () => {
  cache = await workFolder();
  vi.stubEnv("GC_USAGE_CACHE", cache);
});

function run(args: readonly string[], env: Env = {}) {
  return gcUsage(aws, args, { GC_USAGE_CACHE: cache, ...env });
}

/** Files of the cache that are not part of the mirror: staged queries, uploads, copies. */
async function leftovers(): Promise<string[]> {
  const names = await readdir(cache, { recursive: true });
  return names.filter((name) => /\.staging\b|\.parts\/./.test(name));
}

/** Starts the CLI and kills it (-9) at `isTime`; false if it succeeded before that. */
async function killed(
  args: readonly string[],
  isTime: () => Promise<boolean>,
  env: Env = {},
): Promise<boolean> {
  const whole = { PATH: process.env["PATH"], ...awsEnv(aws), GC_USAGE_CACHE: cache, ...env };
  const child = spawn(process.execPath, [BIN, ...args], {
    env: whole,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<boolean>((resolve, reject) => {
    child.on("exit", (code, signal) => {
      if (signal === "SIGKILL") resolve(true);
      else if (code === 0) resolve(false);
      else reject(new Error(`gc-usage ${args.join(" ")} ended with ${code}`));
    });
  });
  while (child.exitCode === null && child.signalCode === null) {
    if (await isTime()) child.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await ended;
}

async function countOf(Bucket: string): Promise<number> {
  return (await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount ?? 0;
}

/** A lake in a folder: slices of `days` days, and raw rows. */
async function folderLake(days: number): Promise<string> {
  const folder = join(await workFolder(), "lake");
  const lake = new Lake(new FolderStore(folder));
  for (let i = 0; i < days; i++)
    await putSlice(lake, sliceKey(addDays(SPAN.start, i)), { requests: 100 + i });
  await lake.close();
  const source = join(folder, "gc_usage_api_source", "granularity=month");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "rows-1.json"), '{"clientId":"c1","date":"2021-01-01","status200":1}\n');
  return folder;
}

/** Results of two rows by month. */
async function monthlyAnswer(): Promise<string> {
  const file = join(await workFolder(), "query-result.json");
  const results = ["GET", "POST"].map((httpMethod, i) => ({
    clientId: "c1",
    clientName: "One",
    templateUri: "/api/v2/users",
    httpMethod,
    status200: 10 + i,
    requests: 10 + i,
    date: "2021-01-01T00:00:00Z",
  }));
  await writeFile(file, JSON.stringify({ results, queryStatus: "Complete" }, undefined, 2));
  return file;
}

/** Every object of a lake in a folder, with its bytes. */
async function contents(folder: string): Promise<Record<string, string>> {
  const objects = await new FolderStore(folder).list("");
  const bytes = objects.map(
    async ({ path }) => [path, (await readFile(join(folder, path))).toString("hex")] as const,
  );
  return Object.fromEntries(await Promise.all(bytes));
}

describe("gc-usage sync to S3", () => {
  it("stores correct rows despite faults of the service, and then has nothing to do", async () => {
    const uri = `s3://${await newBucket(aws, "sync")}/lake`;
    const effects = fastEffects(Date.now(), 50);
    const first = await runSync(sandbox, uri, effects, { grouping, span: SPAN });
    expect(first.written).toBe(30);
    const { store, messages } = await openStore(aws, uri);
    await expectTruth(await mirrorAll(store), { service: "jobs", grouping, span: SPAN });
    expect(messages[0]).toMatch(/^Mirrored 30 of 30 objects \([\d.]+ (?:kB|bytes)\) from s3:/);
    expect(await runSync(sandbox, uri, effects, { grouping, span: SPAN })).toMatchObject({
      jobs: 0,
      calls: 0,
    });
    expect(await leftovers()).toEqual([]);
  });

  it("stores raw rows with their slices, and replaces them together", async () => {
    const uri = `s3://${await newBucket(aws, "raw")}/lake`;
    const effects = fastEffects(Date.now(), 50);
    const target = { grouping, settleDays: 400, recheckMs: 0, keepSource: true };
    await runSync(sandbox, uri, effects, { ...target, span: { ...SPAN, start: addDays(YESTERDAY, -3) } });
    await runSync(sandbox, uri, effects, { ...target, span: { ...SPAN, start: addDays(YESTERDAY, -5) } });
    const { store } = await openStore(aws, uri);
    expect(await store.list("gc_usage_api_source/")).toHaveLength(6);
    const engine = await openDuckDb(await mirrorAll(store));
    const sums =
      "SELECT (SELECT sum(requestCount) FROM gc_usage_api_source), (SELECT sum(requests) FROM usage)";
    const [row] = await allRows(await engine.query(sums));
    await engine.close();
    expect(row?.[0]).toBe(row?.[1]);
  });

  it("resumes after it was killed", async () => {
    const Bucket = await newBucket(aws, "resume");
    const args = ["sync", "--lake", `s3://${Bucket}`, "--from", SPAN.start, "--to", SPAN.end];
    const whole = [...args, "--group-by", "client,method", "--quiet"];
    const calm = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 20 });
    try {
      for (const at of [1, 8, 20]) {
        expect(await killed(whole, async () => (await countOf(Bucket)) >= at, calm.env)).toBe(true);
      }
      expect(await killed(whole, () => Promise.resolve(false), calm.env)).toBe(false);
    } finally {
      await calm.close();
    }
    const { store } = await openStore(aws, `s3://${Bucket}`);
    await expectTruth(await mirrorAll(store), { service: "jobs", grouping, span: SPAN });
    expect(await leftovers()).toEqual([]);
  });
});

describe("gc-usage status, sql and ask on S3", () => {
  it("work like on a folder, and report what they mirrored", async () => {
    const folder = await folderLake(20);
    const uri = `s3://${await newBucket(aws, "asked")}`;
    expect((await run(["copy", folder, uri])).exitCode).toBe(0);
    const commands = [
      ["status"],
      ["sql", "SELECT date, sum(requests) AS n FROM daily GROUP BY 1 ORDER BY 1", "--json"],
      ["sql", "SELECT count(*) AS n, sum(status200) AS ok FROM gc_usage_api_source", "--json"],
      ["ask", "busy-clients", "--json"],
    ];
    for (const command of commands) {
      const [ours, theirs] = [
        await run([...command, "--lake", folder]),
        await run([...command, "--lake", uri]),
      ];
      expect(ours.exitCode).toBe(0);
      const timeless = (text: string): string => text.replace(/"answeredAt":"[^"]*"/, "");
      expect(timeless(theirs.stdout.replaceAll(uri, folder))).toBe(timeless(ours.stdout));
    }
    cache = await workFolder();
    const all = ["sql", "SELECT sum(requests) FROM usage", "--lake", uri];
    const fresh = await run(all);
    expect(fresh.stderr).toMatch(/^Mirrored 20 of 20 objects/);
    expect((await run(all)).stderr).not.toContain("Mirrored");
    const [lakes = ""] = await readdir(join(cache, "lakes"));
    expect((await stat(join(cache, "lakes", lakes))).mode & 0o777).toBe(0o700);
  });

  it.each([
    ["no bucket", {}, "s3://no-such-bucket-here", 11, "The bucket no-such-bucket-here does not exist."],
    [
      "no region",
      { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined },
      "s3://any",
      11,
      "no AWS region is set",
    ],
    [
      "no credentials",
      { AWS_ACCESS_KEY_ID: undefined },
      "s3://any",
      3,
      "no usable AWS credentials were found",
    ],
    [
      "no AWS there",
      { AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_MAX_ATTEMPTS: "1" },
      "s3://any",
      5,
      "AWS is unreachable",
    ],
    ["no bucket's name", {}, "s3://A_B/x", 2, "is not a valid bucket name"],
  ])("report the problem: %s", async (_what, env, lake, exitCode, message) => {
    for (const command of [["status"], ["sql", "SELECT 1"]]) {
      const done = await run([...command, "--lake", lake], env);
      expect(done).toMatchObject({ exitCode, stdout: "" });
      expect(done.stderr).toContain(message);
      expect(done.stderr.split("\n").length).toBeLessThanOrEqual(2);
    }
  });
});

describe("a lake of --stack", () => {
  it("is found by sync, status and load, which warn about slices that Athena does not see", async () => {
    const { lake } = await deploy(aws, "named-lake", "--parameter", `FirstDay=${SPAN.end}`);
    const args = ["sync", "--stack", "named-lake", "--from", addDays(SPAN.end, -2), "--to", SPAN.end];
    const calm = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 5 });
    const synced = await run(args, calm.env);
    await calm.close();
    expect(synced.exitCode).toBe(0);
    expect(synced.stderr).toContain(`Lake: ${lake}`);
    const move = `gc-usage aws deploy --stack named-lake --parameter FirstDay=${addDays(SPAN.end, -2)}`;
    expect(synced.stderr.split(move)).toHaveLength(2);
    expect((await run(["status", "--stack", "named-lake"])).stdout).toContain(`${lake}: 3 slices`);
    const file = await monthlyAnswer();
    const interval = ["--granularity", "month", "--interval", "2021-01/2021-02"];
    const loaded = await run(["load", file, ...interval, "--stack", "named-lake"]);
    expect(loaded).toMatchObject({ exitCode: 0 });
    expect(loaded.stderr).toContain("--parameter FirstDay=2021-01-01");
    const both = await run(["status", "--stack", "named-lake", "--lake", "x"]);
    expect(both).toMatchObject({ exitCode: 2 });
    expect((await run(["status", "--stack", "nowhere"])).stderr).toContain("There is no stack nowhere");
  });
});

describe("gc-usage upload", () => {
  it("stores rows only once, whatever the file's name, and never overwrites others", async () => {
    const Bucket = await newBucket(aws, "upload");
    const upload = (file: string, ...more: string[]) =>
      run(["upload", file, "--granularity", "month", "--lake", `s3://${Bucket}`, ...more]);
    const answer = await monthlyAnswer();
    const first = await upload(answer, "--id", "execution-1");
    expect(first.exitCode).toBe(0);
    expect(first.stderr).toMatch(
      /^Uploaded 2 rows: s3:.*\/gc_usage_api_source\/granularity=month\/execution-1\.json$/,
    );
    for (const more of [["--id", "execution-1"], [], ["--id", "other"]]) {
      const again = await upload(answer, ...more);
      expect(again.exitCode).toBe(0);
      expect(again.stderr).toMatch(/Already uploaded: the same \d+ rows are in .*execution-1\.json$/);
    }
    expect(await countOf(Bucket)).toBe(1);

    const other = join(await workFolder(), "other.json");
    await writeFile(
      other,
      '{"clientId":"x","templateUri":"/a","httpMethod":"GET","date":"2021-01-01T00:00:00Z","status200":3}',
    );
    const refused = await upload(other, "--id", "execution-1");
    expect(refused.exitCode).toBe(8);
    expect(refused.stderr).toContain(
      "other rows under gc_usage_api_source/granularity=month/execution-1.json",
    );
    const second = await upload(other, "--json");
    expect(JSON.parse(second.stdout)).toMatchObject({ outcome: "written", rows: 1 });
    expect(await countOf(Bucket)).toBe(2);
    await writeFile(other, '{"queryStatus":"Running"}');
    expect((await upload(other)).exitCode).toBe(7);
    expect(await countOf(Bucket)).toBe(2);
    expect(await leftovers()).toEqual([]);
  });
});

describe("gc-usage copy", () => {
  it("copies a folder to S3 and back without changes, and skips existing files", async () => {
    const folder = await folderLake(25);
    const uri = `s3://${await newBucket(aws, "copy")}/a/lake`;
    const dry = await run(["copy", folder, uri, "--dry-run", "--json"]);
    expect(JSON.parse(dry.stdout)).toMatchObject({ dryRun: true, slices: { copied: 25 } });
    const there = JSON.parse((await run(["copy", folder, uri, "--json"])).stdout) as unknown;
    expect(there).toMatchObject({ slices: { copied: 25, same: 0, kept: 0 }, kept: [] });
    const again = JSON.parse((await run(["copy", folder, uri, "--json"])).stdout) as unknown;
    expect(again).toMatchObject({ slices: { copied: 0, same: 25 }, sources: { copied: 0 }, bytes: 0 });
    const back = join(await workFolder(), "back");
    cache = await workFolder();
    expect((await run(["copy", uri, back])).exitCode).toBe(0);
    expect(await contents(back)).toEqual(await contents(folder));
    expect(await leftovers()).toEqual([]);
    expect((await run(["copy", uri, `${uri}/`])).exitCode).toBe(2);
  });

  it("keeps slices that cover more and raw rows that differ, unless forced", async () => {
    const folder = await folderLake(2);
    const uri = `s3://${await newBucket(aws, "keeps")}`;
    await run(["copy", folder, uri]);
    const lake = new Lake((await openStore(aws, uri)).store);
    await putSlice(
      lake,
      sliceKey(SPAN.start),
      { requests: 777 },
      { fetchedAt: Date.UTC(2026, 10, 22), id: "newer" },
    );
    const rows = "gc_usage_api_source/granularity=month/rows-1.json";
    await writeFile(join(folder, rows), '{"clientId":"c2","date":"2021-01-01","status200":2}\n');
    const kept = await run(["copy", folder, uri, "--json"]);
    expect(kept.exitCode).toBe(0);
    expect(JSON.parse(kept.stdout)).toMatchObject({ slices: { same: 1, kept: 1 }, sources: { kept: 1 } });
    expect(kept.stderr).toContain("it was fetched 2026-11-20T00:00:00.000Z, before");
    const forced = await run(["copy", folder, uri, "--force", "--json"]);
    expect(JSON.parse(forced.stdout)).toMatchObject({ slices: { copied: 1 }, sources: { copied: 1 } });
    const back = join(await workFolder(), "back");
    await run(["copy", uri, back]);
    expect(await contents(back)).toEqual(await contents(folder));
    await lake.close();
  });

  it("resumes after it was killed, and leaves nothing behind", async () => {
    const folder = await folderLake(60);
    const Bucket = await newBucket(aws, "killed");
    for (const at of [5, 30]) {
      expect(
        await killed(["copy", folder, `s3://${Bucket}`, "-q"], async () => (await countOf(Bucket)) >= at),
      ).toBe(true);
    }
    const there = await countOf(Bucket);
    expect(there).toBeLessThan(61);
    const rest = await run(["copy", folder, `s3://${Bucket}`, "--json"]);
    const { slices } = JSON.parse(rest.stdout) as { slices: { copied: number; same: number } };
    expect(slices.copied + slices.same).toBe(60);
    expect(slices.same).toBeGreaterThanOrEqual(5);
    const back = join(await workFolder(), "back");
    await run(["copy", `s3://${Bucket}`, back]);
    expect(await contents(back)).toEqual(await contents(folder));
    expect(await leftovers()).toEqual([]);
  });
});
