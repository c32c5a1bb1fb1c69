import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows } from "../../src/engine/engine.ts";
import type { Lake } from "../../src/lake/lake.ts";
import { openOrCreateLake } from "../../src/lake/open.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { upload } from "../../src/sync/upload.ts";
import { workFolder } from "../helpers/folders.ts";
import { ODD_ROWS } from "./raw-rows.ts";

let folder: string;
let lake: Lake;
beforeAll(async () => {
  folder = await workFolder();
  lake = await openOrCreateLake(folder);
});
afterAll(() => lake.close());

let uploads = 0;

/** Uploads rows. @returns the file that holds them; undefined if they were rejected. */
async function uploaded(text: string): Promise<string | undefined> {
  async function* input(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  try {
    const given = { from: "the file", granularity: "day", weekStart: "monday", force: true } as const;
    const { source } = await upload(lake, { ...given, input: input(), id: `upload-${uploads++}` });
    return source === undefined ? undefined : join(folder, source);
  } catch (error) {
    if (!isGcUsageError(error) || error.kind !== "input") throw error;
    return undefined;
  }
}

/** All raw rows, every column, by the user's id. */
async function rawRows(): Promise<Map<string, Record<string, unknown>>> {
  const engine = await openDuckDb(folder);
  try {
    const result = await engine.query("SELECT * FROM gc_usage_api_source");
    const names = result.columns.map(({ name }) => name);
    const rows = await allRows(result);
    return new Map(
      rows.map((row) => [
        String(row[names.indexOf("userId")]),
        Object.fromEntries(names.map((name, i) => [name, row[i]])),
      ]),
    );
  } finally {
    await engine.close();
  }
}

describe("raw rows that are stored can be read by DuckDB", () => {
  it.each(ODD_ROWS)("with $what", async ({ what, row, requests }) => {
    const marked = row.replace("{", `{"userId":${JSON.stringify(what)},`);
    // Between sound rows: the odd row is rewritten, and its neighbors stay unchanged.
    const isJobs = row.includes("requestCount");
    const count = isJobs ? "requestCount" : "requests";
    const sound = `{"userId":"sound","${count}":5,"status200":5,"date":"2026-11-02T00:00:00Z"}`;
    const file = await uploaded(`\uFEFF${sound}\r\n\n${marked}\n${sound}`);
    expect(file === undefined).toBe(requests === undefined);
    if (file === undefined) return;
    const lines = (await readFile(file, "utf8")).split("\n");
    expect([lines[0], lines[2], lines[3]]).toEqual([sound, sound, ""]);
    expect(Number((await rawRows()).get(what)?.[count])).toBe(requests);
  });

  const names = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom("clientId", "clientName", "templateUri", "requests", "status429"),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom("requestCount", "oauthClient", "user", "platform", "organizationId"),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "Requests",
        "CLIENTID",
        "x",
        "X",
        "",
        "__proto__",
        "a\\u0000",
        "\\ud83d",
        "id",
      ),
    },
  );
  const texts = ["abc", "", "12", "\\ud83d", "\\udc00\\ud83d", "\\ud83d\\ude00", "\\u0000", 'a\\":b', "é"];
  const numbers =
    "0 1 7 -0 1.0 1e3 1.5 -1 1e400 9223372036854775807 9223372036854775808 0.123456789012345678";
  const scalars = fc.oneof(
    fc.constantFrom(...texts.map((text) => `"${text}"`)),
    fc.constantFrom(...numbers.split(" ")),
    fc.constantFrom("null", "true", "[]", "{}"),
  );
  const members = fc.array(fc.tuple(fc.constantFrom("id", "name", "selfUri", "ID", "x"), scalars), {
    maxLength: 3,
  });
  const text = (all: readonly (readonly [string, string])[]): string =>
    `{${all.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
  const values = fc.oneof(
    { weight: 6, arbitrary: scalars },
    { weight: 2, arbitrary: members.map(text) },
    { weight: 1, arbitrary: members.map((all) => `[${text(all)}]`) },
  );
  const rows = fc.array(fc.tuple(names, values), { minLength: 1, maxLength: 4 });

  it("with any fields, like JSON.parse reads them", { timeout: 120_000 }, async () => {
    const stored = new Map<string, Record<string, unknown>>();
    await fc.assert(
      fc.asyncProperty(rows, async (fields) => {
        const user = `user-${uploads}`;
        const row = text([["userId", `"${user}"`], ["status200", "1"], ["date", '"2026-11-03"'], ...fields]);
        if ((await uploaded(row)) !== undefined) stored.set(user, JSON.parse(row) as Record<string, unknown>);
      }),
      { numRuns: 500 },
    );
    expect(stored.size).toBeGreaterThan(20);
    const found = await rawRows();
    for (const [user, row] of stored) {
      for (const [name, value] of Object.entries(row)) {
        if (typeof value === "string" && ["clientId", "clientName", "platform"].includes(name))
          expect(found.get(user)?.[name]).toBe(Buffer.from(value).toString());
        if (Number.isSafeInteger(value) && ["requests", "status429", "requestCount"].includes(name))
          expect(Number(found.get(user)?.[name])).toBe(Number(value) + 0);
      }
    }
  });
});
