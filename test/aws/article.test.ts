import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Glue } from "@aws-sdk/client-glue";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { awsCli, deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { declareSourceTable } from "./source-table.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const glue = new Glue(clientOptions(aws));

/** Rows as the article's jq step writes them, with unusual client names. */
const ROWS = [
  { clientId: "a", clientName: 'Quote " comma , emoji 😀', status200: 3, status429: 7, requests: 11 },
  { clientId: "b", clientName: "Line\nbreak", status200: 16, status429: 9, requests: 25 },
  { clientId: "c", clientName: "Big", status200: 0, status429: 0, requests: 9_007_199_254_740_992n + 1n },
  { clientId: "d", clientName: null, status200: 1, status429: 1, requests: 2 },
];
const NDJSON = ROWS.map(
  ({ requests, ...row }) =>
    `${JSON.stringify({ ...row, date: "2021-01-01T00:00:00Z" }).slice(0, -1)},"requests":${requests}}\n`,
).join("");

/** For how many polls a crawl is RUNNING (moto_server.py), independent of the clock. */
async function crawlsTake(looks: number): Promise<void> {
  const transition = { progression: "manual", times: looks };
  const body = JSON.stringify({ model_name: "glue::crawl", transition });
  const done = await fetch(`${aws.url}/moto-api/state-manager/set-transition`, { method: "POST", body });
  expect(done.ok).toBe(true);
}

/** A state as get-crawler and get-query-execution print it. */
const stateOf = async (args: readonly string[], query: string): Promise<string> =>
  z.string().parse(JSON.parse(await awsCli(aws, [...args, "--query", query])));

describe("the article's steps with the AWS CLI, on a stack from `aws deploy`", async () => {
  const stack = await deploy(aws, "article", "--blueprint-names");
  const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-article-"));
  const file = path.join(folder, "query-result.json");
  await writeFile(file, NDJSON);
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    // Another file uses the blueprint's names too, and they must be unique in an account.
    await gcUsage(aws, ["aws", "destroy", "--stack", "article", "--yes"]);
  });

  it("5: uploads with the command of the stack's outputs", async () => {
    const [, ...args] = (stack.outputs["UploadCommand"] ?? "").replace("query-result.json", file).split(" ");
    await awsCli(aws, args);
    const there = await s3.listObjectsV2({ Bucket: stack.lakeBucket });
    expect(there.Contents?.map(({ Key }) => Key)).toEqual([
      "gc_usage_api_source/granularity=month/query-result.json",
    ]);
  });

  it("6: starts the crawler and polls it until it is READY", async () => {
    await awsCli(aws, ["glue", "start-crawler", "--name", "UsageApiCrawler"]);
    const state = () => stateOf(["glue", "get-crawler", "--name", "UsageApiCrawler"], "Crawler.State");
    expect(await state()).toBe("RUNNING");
    expect(await state()).toBe("READY");
  });

  it("6: `aws crawl` joins a current run and reports what the crawler found", async () => {
    const before = await gcUsage(aws, ["aws", "crawl", "--stack", "article"]);
    expect(before.exitCode).toBe(0);
    expect(before.stdout).toContain(
      `It created no table. Check that there is a file under ${stack.source}granularity=month/`,
    );
    // What AWS's crawler would have created by now; moto's does not create tables.
    await declareSourceTable(glue, stack, ["month"]);
    await crawlsTake(3);
    await awsCli(aws, ["glue", "start-crawler", "--name", "UsageApiCrawler"]);
    const done = await gcUsage(aws, ["aws", "crawl", "--stack", "article"]);
    await crawlsTake(1);
    expect(done.stdout).toContain("(it was running already)");
    expect(done.stdout).toContain("genesysclouddb.gc_usage_api_source has 14 columns: clientid, clientname,");
    expect(done.stdout).toContain("Its partitions: granularity=month\n".trimEnd());
  });

  const context = `Database=${stack.database},Catalog=AwsDataCatalog`;
  const where = ["--work-group", "UsageAPIWorkgroup", "--query-execution-context", context];
  const statement =
    'SELECT * FROM "genesysclouddb"."gc_usage_api_source" WHERE granularity=\'month\' ORDER BY status429 DESC limit 10';
  const own = ["athena", "start-query-execution", ...where, "--query-string", statement];
  // Split like in a shell: at spaces outside double quotes.
  const words = [...(stack.outputs["QueryCommand"] ?? "").matchAll(/"([^"]*)"|(\S+)/g)];
  const [, ...given] = words.map(([, quoted, word]) => quoted ?? word ?? "");

  it.each([
    ["the article's own", own],
    ["the one of the outputs", given],
  ])("7: runs the statement, %s, and the results are in the results bucket", async (_whose, start) => {
    const started = await awsCli(aws, [...start, "--output", "text"]);
    const id = ["--query-execution-id", started.trim()];
    const state = () => stateOf(["athena", "get-query-execution", ...id], "QueryExecution.Status.State");
    for (let now = await state(); now !== "SUCCEEDED"; now = await state()) {
      expect(["QUEUED", "RUNNING"]).toContain(now);
      await sleep(100);
    }
    const results = z
      .object({
        ResultSet: z.object({
          Rows: z.array(z.object({ Data: z.array(z.object({ VarCharValue: z.string().optional() })) })),
        }),
      })
      .parse(JSON.parse(await awsCli(aws, ["athena", "get-query-results", ...id])));
    const [header = [], ...rows] = results.ResultSet.Rows.map((row) =>
      row.Data.map(({ VarCharValue }) => VarCharValue),
    );
    const column = (name: string) => rows.map((row) => row[header.indexOf(name)]);
    expect(column("status429")).toEqual(["9", "7", "1", "0"]);
    expect(column("clientname")).toEqual(["Line\nbreak", 'Quote " comma , emoji 😀', undefined, "Big"]);
    expect(column("requests").at(-1)).toBe("9007199254740993");
    expect(column("granularity")).toEqual(["month", "month", "month", "month"]);
    const csv = await s3.getObject({ Bucket: stack.resultsBucket, Key: `${started.trim()}.csv` });
    expect(await csv.Body?.transformToString()).toContain('"Quote "" comma , emoji 😀"');
  });
});
