import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Athena } from "@aws-sdk/client-athena";
import { afterAll, describe, expect, inject, it } from "vitest";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { readCalls } from "./harness/moto.ts";
import { runQuery } from "./helpers.ts";

const aws = inject("aws");
const athena = new Athena({ ...clientOptions(aws), endpoint: aws.athenaUrl });

/** How many requests of `action` S3 would bill at the price of a PUT and of a GET. */
async function requestsOf(what: string, action: () => Promise<unknown>) {
  const before = (await readCalls(aws.record)).length;
  await action();
  const counts = { PUT: 0, LIST: 0, HEAD: 0, GET: 0 };
  for (const { method, path: at, query, target, body } of (await readCalls(aws.record)).slice(before)) {
    if (target !== "" || body !== "") continue;
    const isList = method === "GET" && /(?:^|&)(?:list-type|prefix|uploads|versions)/.test(query);
    if (isList || at.split("/").filter(Boolean).length < 2) counts.LIST++;
    else if (method === "PUT" || method === "POST") counts.PUT++;
    else if (method === "HEAD") counts.HEAD++;
    else counts.GET++;
  }
  process.stdout.write(
    `${what}: ${Object.entries(counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(", ")}\n`,
  );
  return { dear: counts.PUT + counts.LIST, cheap: counts.GET + counts.HEAD };
}

/** The figures of docs/aws.md. If they increase here, update them there. */
describe("what the requests cost", async () => {
  const stack = await deploy(aws, "cost");
  const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-cost-"));
  const sandbox = await startSandbox({ rateLimit: 100_000, jobDelayMs: 1 });
  afterAll(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  const sync = async (cache: string): Promise<void> => {
    const env = { ...sandbox.env, GC_USAGE_CACHE: path.join(folder, cache) };
    // As on the next day: the last three days are refetched.
    const done = await gcUsage(aws, ["sync", "--recheck", "0", "--stack", "cost"], env);
    expect(done.exitCode, done.stderr).toBe(0);
  };

  it("a daily sync: few writes and lists, and no slice is read, with or without a cache", async () => {
    await sync("kept");
    await sync("kept");
    const kept = await requestsOf("a daily sync, its cache kept", () => sync("kept"));
    expect(kept.dear).toBeLessThanOrEqual(7);
    expect(kept.cheap).toBeLessThanOrEqual(2);
    const anew = await requestsOf("a daily sync, its cache empty", () => sync("anew"));
    expect(anew.dear).toBeLessThanOrEqual(7);
    expect(anew.cheap).toBeLessThanOrEqual(2);
  });

  it("a question over 30 days: a list and a few reads for each day", async () => {
    const { NamedQueryIds = [] } = await athena.listNamedQueries({ WorkGroup: stack.workgroup });
    const queries = await Promise.all(
      NamedQueryIds.map(async (NamedQueryId) => (await athena.getNamedQuery({ NamedQueryId })).NamedQuery),
    );
    const sql = queries.find((query) => query?.Name === "noisy-clients")?.QueryString ?? "";
    const context = { WorkGroup: stack.workgroup, QueryExecutionContext: { Database: stack.database } };
    const asked = await requestsOf("noisy-clients over 30 days", async () => {
      expect((await runQuery(athena, sql, context)).reason).toBeUndefined();
    });
    expect(asked.dear).toBeLessThanOrEqual(32);
    expect(asked.cheap).toBeLessThanOrEqual(90);
  });
});
