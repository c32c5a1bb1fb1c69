import { fileURLToPath } from "node:url";
import { Athena } from "@aws-sdk/client-athena";
import { Glue } from "@aws-sdk/client-glue";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { awsCli, deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";

const aws = inject("aws");
const GOLDEN = fileURLToPath(new URL("../golden/0.1.0/lake", import.meta.url));
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const THIS = fileURLToPath(import.meta.url);
const SQL = ["sql", "--engine", "athena", "--output", "csv"];

let sandbox: Sandbox;
let stack: Awaited<ReturnType<typeof deploy>>;

async function well(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await gcUsage(aws, args, env);
  if (exitCode !== 0) throw new Error(`${args.join(" ")} ended with ${exitCode}: ${stderr}`);
  return stdout;
}

const query = (sql: string): Promise<string> =>
  well([...SQL, "--workgroup", stack.workgroup, "--database", stack.database, "--", sql]);

describe("a stack of several organizations", () => {
  beforeAll(async () => {
    sandbox = await startSandbox({ seed: 8, jobDelayMs: 1 });
    // One organization's lake, as an earlier version left it, is moved to a folder of the bucket, next to another
    // one.
    stack = await deploy(aws, "several", "--parameter", "FirstDay=2026-10-01");
    await well(["copy", GOLDEN, stack.lake]);
    await deploy(aws, "several", "--parameter", "Organizations=acme,globex");
    await well(["copy", stack.lake, `${stack.lake}/acme`]);
    for (const folder of ["usage", "gc_usage_api_source"]) {
      await awsCli(aws, ["s3", "rm", "--recursive", `${stack.lake}/${folder}`]);
    }
    const days = ["--from", YESTERDAY, "--to", YESTERDAY, "--group-by", "client,method", "--keep-source"];
    await well(["sync", ...days, "--lake", `${stack.lake}/globex`], sandbox.env);
  });
  afterAll(() => sandbox.close());

  it("has one table with the column organization, which prunes files", async () => {
    const sums = await query(
      `SELECT organization, granularity, count(*) AS n FROM usage
       WHERE "grouping" = 'client-method' AND date >= DATE '2026-10-01' GROUP BY 1, 2 ORDER BY 1, 2`,
    );
    expect(sums).toMatch(/^organization,granularity,n\r\nacme,day,270\r\nglobex,day,\d+$/);
    const ofAcme = `SELECT sum(requests) AS n FROM usage WHERE organization = 'acme' AND "grouping" = 'client-method'
      AND granularity = 'day' AND date BETWEEN DATE '2026-11-19' AND DATE '2026-11-20'`;
    expect(await query(ofAcme)).toBe(`n\r\n${766_830 + 698_841}`);
  });

  it("has the organization as the first column of daily and the raw rows", async () => {
    const daily = await query("SELECT * FROM daily WHERE date = DATE '2026-11-19' LIMIT 1");
    expect(daily).toMatch(/^organization,service,[^]*\r\nacme,jobs,/);
    const rows = await query(
      "SELECT organization, count(*) AS n FROM gc_usage_api_source WHERE granularity = 'day' GROUP BY 1 ORDER BY 1",
    );
    expect(rows).toMatch(/^organization,n\r\nacme,273\r\nglobex,\d+$/);
  });

  it("has a row for each lake's slices in slices", async () => {
    const slices = await query("SELECT organization, count(*) AS n FROM slices GROUP BY 1 ORDER BY 1");
    expect(slices).toMatch(/^organization,n\r\nacme,\d+\r\nglobex,1$/);
  });

  it.each([
    ["sync"],
    ["load", THIS, "--granularity", "day"],
    ["upload", THIS, "--granularity", "day"],
    ["copy", GOLDEN],
  ])("is not written to with only --stack, which does not select an organization: %s", async (...command) => {
    const done = await gcUsage(aws, [...command, "--stack", "several"], sandbox.env);
    expect(done).toMatchObject({ exitCode: 8, stdout: "" });
    expect(done.stderr).toContain("keeps one lake per organization (acme, globex)");
    expect(done.stderr).toContain(`--lake ${stack.lake}/acme`);
  });

  it("saves questions about a single organization", async () => {
    const athena = new Athena(clientOptions(aws));
    const { NamedQueryIds = [] } = await athena.listNamedQueries({ WorkGroup: stack.workgroup });
    let tried = 0;
    for (const NamedQueryId of NamedQueryIds) {
      const { NamedQuery } = await athena.getNamedQuery({ NamedQueryId });
      if (NamedQuery?.Name === "article") continue;
      const statement = NamedQuery?.QueryString ?? "";
      expect(statement).toContain(
        "FROM (SELECT * FROM usage WHERE organization = split_part('acme,globex', ',', 1)) AS usage",
      );
      await query(statement);
      tried++;
    }
    expect(tried).toBeGreaterThan(8);
  });

  it("keeps the table of a single lake without organizations", async () => {
    const single = await deploy(aws, "alone");
    const glue = new Glue(clientOptions(aws));
    const { Table } = await glue.getTable({ DatabaseName: single.database, Name: "usage" });
    expect(Object.keys(Table?.Parameters ?? {}).filter((key) => key.includes("organization"))).toEqual([]);
    expect(Table?.PartitionKeys?.map(({ Name }) => Name)).toEqual(["granularity", "date"]);
    await expect(
      glue.getTable({ DatabaseName: single.database, Name: "gc_usage_api_source" }),
    ).rejects.toThrow();
  });
});
