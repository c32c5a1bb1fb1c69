import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Athena, GetQueryResultsCommand } from "@aws-sdk/client-athena";
import { S3 } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, describe, expect, inject, it } from "vitest";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { deploy } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { readCalls } from "./harness/moto.ts";
import { runQuery } from "./helpers.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const athena = new Athena({ ...clientOptions(aws), endpoint: aws.athenaUrl });

const TODAY = dayOf(Date.now());
const DAYS = [1, 2, 3, 4, 5].map((ago) => addDays(TODAY, -ago));

/** A slice's file like in a lake: DuckDB's Parquet, BIGINT counts, names in their original case. */
async function parquet(folder: string, name: string, columns: string): Promise<Uint8Array> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const file = path.join(folder, `${name}.parquet`);
  await connection.run(`COPY (SELECT ${columns}) TO '${file}' (FORMAT parquet, COMPRESSION zstd)`);
  connection.closeSync();
  instance.closeSync();
  return readFile(file);
}

describe("the template's table and view, queried like in Athena", async () => {
  const stack = await deploy(aws, "tables", "--parameter", `FirstDay=${addDays(TODAY, -3)}`);
  const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-tables-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  for (const [i, day] of DAYS.entries()) {
    const put = async (granularity: string, service: string, grouping: string, requests: string) => {
      const columns = `'${service}' AS service, '${grouping}' AS "grouping", 'id, "x"' AS clientId, NULL::VARCHAR AS userId, ${requests}::BIGINT AS requests, NULL::BIGINT AS status429`;
      const name = `${service}.${grouping}`;
      const Body = await parquet(folder, `${day}.${name}.${granularity}`, columns);
      const Key = `usage/granularity=${granularity}/date=${day}/${name}.parquet`;
      await s3.putObject({ Bucket: stack.lakeBucket, Key, Body });
    };
    await put("day", "jobs", "client-uri-method", `9007199254740993 + ${i}`);
    await put("day", "legacy", "client", "1");
  }
  const query = async (sql: string) => {
    const before = (await readCalls(aws.record)).length;
    const context = { WorkGroup: stack.workgroup, QueryExecutionContext: { Database: stack.database } };
    const done = await runQuery(athena, sql, context);
    expect(done.reason).toBeUndefined();
    const page = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: done.id }));
    const [, ...rows] = (page.ResultSet?.Rows ?? []).map((row) =>
      row.Data?.map(({ VarCharValue }) => VarCharValue),
    );
    const calls = (await readCalls(aws.record)).slice(before);
    const read = new Set(
      calls
        .filter(({ method, path }) => method === "GET" && path.endsWith(".parquet"))
        .map(({ path }) => path),
    );
    return { rows, objectsRead: read.size, bytesScanned: done.bytesScanned };
  };

  it("reads counts above 2^53, NULL and every service from usage", async () => {
    const { rows } = await query(
      `SELECT service, clientId, userId, requests FROM usage WHERE granularity = 'day' AND date = DATE '${DAYS[0]}' ORDER BY service`,
    );
    expect(rows).toEqual([
      ["jobs", 'id, "x"', undefined, "9007199254740993"],
      ["legacy", 'id, "x"', undefined, "1"],
    ]);
  });

  it("reads only the objects of the requested days", async () => {
    const ofDay = await query(
      `SELECT sum(requests) FROM usage WHERE granularity = 'day' AND date = DATE '${DAYS[1]}'`,
    );
    expect(ofDay.objectsRead).toBe(2);
    const three = await query(
      `SELECT sum(requests) FROM usage WHERE granularity = 'day' AND date BETWEEN DATE '${DAYS[2]}' AND DATE '${DAYS[0]}'`,
    );
    expect(three.objectsRead).toBe(6);
    expect(three.bytesScanned).toBeGreaterThan(ofDay.bytesScanned);
  });

  it("shows only rows in daily that are safe to sum, with the same pruning by date", async () => {
    const { rows, objectsRead } = await query(
      `SELECT date, sum(requests) FROM daily WHERE date >= DATE '${DAYS[1]}' GROUP BY date ORDER BY date DESC`,
    );
    expect(rows).toEqual([
      [DAYS[0], "9007199254740993"],
      [DAYS[1], "9007199254740994"],
    ]);
    expect(objectsRead).toBe(4);
  });

  it("silently ignores days before FirstDay", async () => {
    const { rows } = await query("SELECT count(DISTINCT date) FROM usage WHERE granularity = 'day'");
    expect(rows).toEqual([["3"]]);
    const outside = await query(`SELECT * FROM usage WHERE granularity = 'day' AND date = DATE '${DAYS[4]}'`);
    expect(outside).toMatchObject({ rows: [], objectsRead: 0 });
    await deploy(aws, "tables", "--parameter", `FirstDay=${DAYS[4]}`);
    const moved = await query("SELECT count(DISTINCT date) FROM usage WHERE granularity = 'day'");
    expect(moved.rows).toEqual([["5"]]);
  });

  it("reads slices of every version by column name: missing columns are NULL, unknown ones are omitted", async () => {
    const day = addDays(TODAY, -2);
    const put = async (grouping: string, columns: string) => {
      const Body = await parquet(folder, grouping, columns);
      const Key = `usage/granularity=week/date=${day}/jobs.${grouping}.parquet`;
      await s3.putObject({ Bucket: stack.lakeBucket, Key, Body });
    };
    await put("client", `'jobs' AS service, 'client' AS "grouping", 'a' AS clientId, 1::BIGINT AS requests`);
    await put(
      "uri",
      `7::BIGINT AS status418, 2::BIGINT AS requests, 'x' AS later, 'uri' AS "grouping", 'jobs' AS service`,
    );
    const { rows } = await query(
      `SELECT "grouping", clientId, requests, status429 FROM usage WHERE granularity = 'week' AND date = DATE '${day}' ORDER BY 1`,
    );
    expect(rows).toEqual([
      ["client", "a", "1", undefined],
      ["uri", undefined, "2", undefined],
    ]);
  });

  it("counts a copy next to a slice in usage, since Athena counts every object, but not in daily", async () => {
    const folderOf = `usage/granularity=day/date=${DAYS[0]}`;
    const CopySource = `${stack.lakeBucket}/${folderOf}/jobs.client-uri-method.parquet`;
    const Key = `${folderOf}/jobs.client-uri-method-DESKTOP-1A2B.parquet`;
    await s3.copyObject({ Bucket: stack.lakeBucket, CopySource, Key });
    const count = (table: string) =>
      query(
        `SELECT count(*) FROM ${table} WHERE service = 'jobs' AND granularity = 'day' AND date = DATE '${DAYS[0]}'`,
      );
    expect((await count("usage")).rows).toEqual([["2"]]);
    expect((await count("daily")).rows).toEqual([["1"]]);
    await s3.deleteObject({ Bucket: stack.lakeBucket, Key });
  });

  it("runs every saved query", async () => {
    const { NamedQueryIds = [] } = await athena.listNamedQueries({ WorkGroup: stack.workgroup });
    for (const NamedQueryId of NamedQueryIds) {
      const { NamedQuery } = await athena.getNamedQuery({ NamedQueryId });
      if (NamedQuery?.Name !== "article") await query(NamedQuery?.QueryString ?? "");
    }
    expect(NamedQueryIds.length).toBeGreaterThan(5);
  });
});
