import { renameSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { withDuckDb } from "../helpers/parquet.ts";

const rows = (requests: number) => [{ clientId: "client-1", requests, status429: 1 }];

/** The rows of a statement over a DuckDB file that another program opens read-only. */
async function rowsOf(file: string, sql: string): Promise<unknown[][]> {
  return await withDuckDb(async (connection) => {
    await connection.run(`ATTACH '${file}' AS views (READ_ONLY)`);
    await connection.run("USE views");
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowsJson();
  });
}

describe("gc-usage views", () => {
  it("writes a view for each kind of rows, which also shows what is stored later", async () => {
    const lake = await makeLake([
      slice("2026-11-01", rows(10)),
      slice("2026-11-02", rows(20)),
      slice("2026-11-01", rows(30), { grouping: "client", service: "legacy" }),
      slice("2026-10-01", rows(40), { grouping: "client", granularity: "month" }),
    ]);
    const file = join(await workFolder(), "it's a [lake].duckdb");
    const ran = await gcUsage(["views", "--lake", lake, "--out", file]);
    expect([ran.exitCode, ran.stdout]).toEqual([0, ""]);
    expect(ran.stderr).toContain("3 views: jobs_client_month, jobs_client_uri_method_day, legacy_client_day");
    const copied = join(await workFolder(), "lake.duckdb");
    await copyFile(file, copied);
    const sum =
      "SELECT CAST(count(*) AS INTEGER), CAST(sum(requests) AS INTEGER) FROM jobs_client_uri_method_day";
    expect(await rowsOf(copied, sum)).toEqual([[2, 30]]);
    expect(await rowsOf(copied, "SELECT date, requests FROM jobs_client_month")).toEqual([
      ["2026-10-01", "40"],
    ]);
    const added = await makeLake([slice("2026-11-03", rows(5))]);
    expect((await gcUsage(["copy", added, lake])).exitCode).toBe(0);
    expect(await rowsOf(copied, sum)).toEqual([[3, 35]]);
  });

  it("gives each organization a schema, and finds a lake whose path has characters of patterns", async () => {
    const parent = join(await workFolder(), "lakes [all] it's *");
    await mkdir(parent);
    for (const [at, name] of ["acme", "globex"].entries())
      renameSync(
        await makeLake([slice("2026-11-01", rows(at + 1), { grouping: "client" })]),
        join(parent, name),
      );
    const file = join(await workFolder(), "lake.duckdb");
    expect((await gcUsage(["views", "--lake", parent, "--out", file])).exitCode).toBe(0);
    const sql = "SELECT a.requests, g.requests FROM acme.jobs_client_day a, globex.jobs_client_day g";
    expect(await rowsOf(file, sql)).toEqual([["1", "2"]]);
  });

  it("leaves an older file as it is if there is nothing to show", async () => {
    const folder = await workFolder();
    const file = join(folder, "lake.duckdb");
    await writeFile(file, "before");
    for (const [args, message] of [
      [["--lake", join(folder, "nothing")], "No lake at"],
      [["--lake", "s3://bucket/lake", "--aws-region", "us-east-1"], "Views need a lake in a folder"],
    ] as const) {
      const ran = await gcUsage(["views", "--out", file, ...args], {
        env: {
          AWS_ACCESS_KEY_ID: "nobody",
          AWS_SECRET_ACCESS_KEY: "nothing-of-value",
          AWS_ENDPOINT_URL: "http://127.0.0.1:9",
        },
      });
      expect(ran.exitCode).not.toBe(0);
      expect(ran.stderr).toContain(message);
    }
    expect(await readFile(file, "utf8")).toBe("before");
  });
});
