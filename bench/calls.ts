import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { openLake } from "../src/index.ts";
import { startSandbox } from "../src/sandbox/sandbox.ts";
import { startServer } from "../src/serve/serve.ts";
import { type Calls, startCallCounter, sumOf } from "../test/aws/harness/call-counter.ts";
import { awsEnv, clientOptions } from "../test/aws/harness/env.ts";
import { installPython } from "../test/aws/harness/install.ts";
import { startMoto } from "../test/aws/harness/moto.ts";
import { BIN } from "../test/helpers/bin.ts";
import { Browser } from "../test/helpers/page-server.ts";
import { writeAnswer } from "./answer.ts";

/**
 * `npm run bench -- calls`: the calls that each command makes to S3, on moto, as a Markdown table. The lake has a year of days. `cold`
 * is a machine without a mirror of the lake, `warm` one that has run the same command before.
 *
 * Options: `--days 365`, `--only sync` (commands that contain this), `--verbose` (every call, to standard error).
 */
const { values } = parseArgs({
  options: {
    days: { type: "string", default: "365" },
    only: { type: "string", default: "" },
    verbose: { type: "boolean", default: false },
  },
});
const DAYS = Number(values.days);
const LAKE = "s3://bench-calls/lake";

interface Row {
  readonly name: string;
  readonly cache: "cold" | "warm";
  readonly calls: Calls;
}

const folder = await mkdtemp(join(tmpdir(), "gc-usage-calls-"));
const moto = await startMoto({ bin: await installPython() });
const counter = await startCallCounter(moto.url);
const sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 1, scale: 1 });
const env = { ...sandbox.env, ...awsEnv({ url: counter.url, athenaUrl: counter.url }), GC_USAGE_LAKE: LAKE };
// For the server, which runs in this process.
Object.assign(process.env, env);
try {
  await new S3Client(clientOptions(moto)).send(new CreateBucketCommand({ Bucket: "bench-calls" }));
  process.stderr.write(`A lake of ${DAYS} days …\n`);
  await run(["sync", "--last", `${DAYS}d`], "setup");
  const answer = join(folder, "answer.json");
  await writeAnswer(answer, 3000);
  await run(["load", answer, "--granularity", "day"], "setup");
  await run(["sync", "--all", "--last", `${DAYS}d`], "setup");
  const rows: Row[] = [];
  for (const [name, action] of commands(answer)) {
    if (!name.includes(values.only)) continue;
    for (const cache of ["cold", "warm"] as const) {
      process.stderr.write(`${name}, ${cache}\n`);
      counter.take();
      await action(name);
      const { calls, seen } = counter.take();
      if (values.verbose) process.stderr.write(seen.map((call) => `  ${call}\n`).join(""));
      rows.push({ name, cache, calls });
    }
  }
  process.stdout.write(tableOf(rows));
} finally {
  await sandbox.close();
  await counter.close();
  await moto.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Each has a cache of its own, named after it. */
function commands(answer: string): [name: string, action: (cache: string) => Promise<unknown>][] {
  const cli = (name: string, ...args: string[]): [string, (cache: string) => Promise<unknown>] => [
    name,
    (cache) => run(args, cache),
  ];
  return [
    // As on the next day: the last three days are refetched.
    cli("sync, 3 days renewed", "sync", "--last", `${DAYS}d`, "--recheck", "0"),
    cli("sync --all, 3 days renewed", "sync", "--all", "--last", `${DAYS}d`, "--recheck", "0"),
    cli("sync, nothing to do", "sync", "--last", `${DAYS}d`),
    cli("status", "status"),
    cli("ask busy-clients --last 7d", "ask", "busy-clients", "--last", "7d"),
    cli("ask busy-clients --last 365d", "ask", "busy-clients", "--last", "365d", "--allow-partial"),
    cli("sql, 7 days", "sql", "SELECT sum(requests) FROM daily WHERE date >= current_date - INTERVAL 7 DAY"),
    cli("load of the same file, 300 days", "load", answer, "--granularity", "day"),
    cli("check", "check", "--quiet"),
    cli("report, a month", "report", "--last", "30d", "--out", join(folder, "report.html"), "--offline"),
    ["serve, overview of 30 days", serve],
    cli("verify", "verify"),
    cli("copy to a folder", "copy", LAKE, join(folder, "copy")),
  ];
}

async function run(args: readonly string[], cache: string): Promise<void> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env["PATH"], HOME: folder, ...env, GC_USAGE_CACHE: join(folder, "caches", cache) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const errors = await text(child.stderr);
  const code = await closed;
  // 13: a check that found something.
  if (code !== 0 && code !== 13) throw new Error(`gc-usage ${args.join(" ")} ended with ${code}: ${errors}`);
}

/** The calls of the page when it is opened, and of a second look. */
async function serve(cache: string): Promise<void> {
  const variables = { ...env, GC_USAGE_CACHE: join(folder, "caches", cache) };
  const server = await startServer(await openLake(LAKE, { variables }), { port: 0 });
  try {
    const browser = await Browser.signIn(server.signInUrl);
    const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
    const period = `from=${day(30)}&to=${day(1)}&service=jobs&granularity=day&groupBy=client,uri,method`;
    await browser.json("/api/lake");
    for (const by of ["client", "endpoint"]) await browser.json(`/api/counts?by=${by}&${period}`);
    await browser.json("/api/findings");
  } finally {
    await server.close();
  }
}

function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ name, cache, calls }) => {
    const { get, head, list, put, bytes } = calls;
    const removed = calls.delete === 0 ? "" : ` (and ${calls.delete} DELETE)`;
    return [
      name,
      cache,
      ...[list, get, head, put].map(String),
      `${sumOf(calls)}${removed}`,
      `${Math.ceil(bytes / 1000).toLocaleString("en-US")} kB`,
    ];
  });
  const head = ["command", "cache", "LIST", "GET", "HEAD", "PUT", "calls", "bytes"];
  const lines = [head, ["---", "---", ...Array.from({ length: 6 }, () => "--:")], ...cells];
  return lines.map((line) => `| ${line.join(" | ")} |\n`).join("");
}
