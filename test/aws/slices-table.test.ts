import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { SLICES_FILE } from "../../src/usage/slice.ts";
import { workFolder } from "../helpers/folders.ts";
import { deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const TODAY = dayOf(Date.now());
const COLUMNS = `service, "grouping", granularity, date, state, note, start, "end", metrics, fetchedAt, id, "rows", bytes,
  format, version, organizationId, organizationName, region, fetchedBy, path`;

describe("the table slices", () => {
  let sandbox: Sandbox;
  let stack: Awaited<ReturnType<typeof deploy>>;
  let env: Record<string, string>;

  beforeAll(async () => {
    sandbox = await startSandbox({ jobDelayMs: 1 });
    stack = await deploy(aws, "slices", "--parameter", `FirstDay=${addDays(TODAY, -30)}`);
    env = { ...sandbox.env, GC_USAGE_CACHE: await workFolder() };
    await run("sync", "--last", "3d", "--stack", "slices");
  });
  afterAll(() => sandbox.close());

  const run = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await gcUsage(aws, args, env);
    if (exitCode !== 0) throw new Error(`${args.join(" ")} ended with ${exitCode}: ${stderr}`);
    return stdout;
  };
  const both = async (statement: string): Promise<string[]> =>
    Promise.all(
      ["athena", "duckdb"].map((engine) =>
        run("sql", "--engine", engine, "--stack", "slices", "--output", "ndjson", statement),
      ),
    );
  const versionOf = async (): Promise<string | undefined> =>
    (await s3.headObject({ Bucket: stack.lakeBucket, Key: SLICES_FILE })).ETag;

  it("has the same rows in Athena, from an object of sync, as in DuckDB, from the slices", async () => {
    const [athena, duckdb] = await both(`SELECT ${COLUMNS} FROM slices ORDER BY date`);
    expect(athena).toBe(duckdb);
    const rows = (athena ?? "")
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      service: "jobs",
      granularity: "day",
      state: "readable",
      start: addDays(TODAY, -3),
      end: addDays(TODAY, -3),
      format: 2,
    });
  });

  it("is updated by each command that changes the lake, which reads only new slices", async () => {
    const file = join(await workFolder(), "rows.ndjson");
    await writeFile(
      file,
      `{"clientId":"c","requests":1,"status200":1,"date":"${addDays(TODAY, -9)}T00:00:00Z"}\n`,
    );
    await run("load", file, "--granularity", "day", "--stack", "slices");
    const count = `SELECT service, count(*) AS n, sum("rows") AS r FROM slices WHERE service = 'legacy' GROUP BY service`;
    expect(await both(count)).toEqual(Array(2).fill('{"service":"legacy","n":1,"r":1}'));
    const before = await versionOf();
    await run("sync", "--last", "3d", "--stack", "slices");
    expect(await versionOf()).toBe(before);
  });

  it("is rewritten if it is missing or unreadable", async () => {
    for (const Body of ["no parquet", ""]) {
      await s3.putObject({ Bucket: stack.lakeBucket, Key: SLICES_FILE, Body });
      await run("sync", "--last", "3d", "--stack", "slices");
      expect(
        await run(
          "sql",
          "--engine",
          "athena",
          "--stack",
          "slices",
          "--output",
          "csv",
          "SELECT count(*) AS n FROM slices",
        ),
      ).toBe("n\r\n4");
    }
    await s3.deleteObject({ Bucket: stack.lakeBucket, Key: SLICES_FILE });
    await run("sync", "--last", "3d", "--stack", "slices");
    expect(await versionOf()).toBeTruthy();
  });
});
