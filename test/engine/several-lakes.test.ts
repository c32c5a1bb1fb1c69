import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DuckDbEngine, type LakeToRead, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows } from "../../src/engine/engine.ts";
import { Lake } from "../../src/lake/lake.ts";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { addSource, makeLake, slice, sliceKey } from "../helpers/lakes.ts";

const FIRST = "2026-01-01" as Day;
/** Names that must be escaped in a path, and whose order differs from that of their escaped forms. */
const ODD = "a b=c%2F'é";
const folders: string[] = [];
let engine: DuckDbEngine;

async function lakeOf(organization: string, folder: string): Promise<LakeToRead> {
  const lake = new Lake(new FolderStore(folder));
  return { organization, lake, slices: await lake.list() };
}

beforeAll(async () => {
  const days = (count: number, requests: number) =>
    Array.from({ length: count }, (_, i) => slice(addDays(FIRST, i), [{ clientId: "same", requests }]));
  for (const [count, requests] of [
    [60, 1],
    [60, 10],
  ] as const) {
    folders.push(await makeLake(days(count, requests)));
  }
  addSource(folders[0] ?? "", "month", "one", '{"clientId":"x"}\n');
  addSource(folders[1] ?? "", "day", "two", '{"clientId":"y"}\n{"clientId":"z"}\n');
  engine = await openDuckDb([await lakeOf("acme", folders[0] ?? ""), await lakeOf(ODD, folders[1] ?? "")]);
});
afterAll(async () => {
  await engine.close();
});

async function rows(sql: string): Promise<unknown[]> {
  return await allRows(await engine.query(sql));
}

describe("several lakes together", () => {
  it.each(["usage", "daily"])("%s starts with the organization, and can be summed by it", async (table) => {
    const { columns } = await engine.query(`SELECT * FROM ${table} LIMIT 0`);
    expect(columns.slice(0, 3).map(({ name }) => name)).toEqual(["organization", "service", "grouping"]);
    expect(await rows(`SELECT organization, sum(requests) FROM ${table} GROUP BY 1 ORDER BY 2`)).toEqual([
      ["acme", 60],
      [ODD, 600],
    ]);
  });

  it("gc_usage_api_source contains the organization of each row", async () => {
    const sql = "SELECT organization, granularity, clientId FROM gc_usage_api_source ORDER BY 3";
    expect(await rows(sql)).toEqual([
      ["acme", "month", "x"],
      [ODD, "day", "y"],
      [ODD, "day", "z"],
    ]);
  });

  it("reads only the files of a statement's organization and days", async () => {
    const other = await openDuckDb([
      await lakeOf("acme", folders[0] ?? ""),
      await lakeOf(ODD, folders[1] ?? ""),
    ]);
    const sum = (where: string): Promise<unknown[]> =>
      other
        .query(`SELECT sum(requests) FROM usage WHERE ${where}`)
        .then(async (result) => await allRows(result));
    const unread = join(folders[1] ?? "", slicePath(sliceKey(addDays(FIRST, 20))));
    const sound = readFileSync(unread);
    writeFileSync(unread, "PAR1 no more PAR1");
    try {
      const days = `date BETWEEN DATE '2026-01-02' AND DATE '2026-01-04'`;
      expect(await sum(`organization = 'acme' AND ${days}`)).toEqual([[3]]);
      expect(await sum(`organization <> 'acme' AND ${days}`)).toEqual([[30]]);
      expect(await sum(days)).toEqual([[33]]);
      expect(await sum("organization = 'acme'")).toEqual([[60]]);
      expect(await sum("organization = 'nobody'")).toEqual([[null]]);
      await expect(sum("true")).rejects.toMatchObject({ kind: "lake" });
    } finally {
      writeFileSync(unread, sound);
      await other.close();
    }
  });

  it("reports a damaged file with its path in the lake", async () => {
    const folder = await makeLake([slice(FIRST, [{ requests: 1 }])]);
    const file = join(folder, slicePath(sliceKey(FIRST)));
    writeFileSync(file, "PAR1 no more PAR1");
    const broken = await openDuckDb([await lakeOf("acme", folders[0] ?? ""), await lakeOf("b", folder)]);
    try {
      await expect(broken.query("SELECT sum(requests) FROM usage").then(allRows)).rejects.toMatchObject({
        kind: "lake",
        message: expect.stringContaining(`The slice ${file} is damaged`) as string,
      });
    } finally {
      await broken.close();
    }
  });
});
