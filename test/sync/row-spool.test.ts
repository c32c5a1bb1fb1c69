import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseApiRow } from "../../src/genesys/answer/row.ts";
import { SliceFiles } from "../../src/lake/slice-parquet.ts";
import { spoolRows } from "../../src/sync/land.ts";
import { LinesByDate, RowSpool } from "../../src/sync/row-spool.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import type { Service } from "../../src/usage/service.ts";
import { workFolder } from "../helpers/folders.ts";
import { KEY, provenance } from "../helpers/lakes.ts";
import { readParquet } from "../helpers/parquet.ts";

const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
  fc.constantFrom(null, "", "/api/v2/users/{userId}", 'a "quoted" name', "tab\t", "NULL"),
);
const count = fc.oneof(
  { weight: 6, arbitrary: fc.nat() },
  fc.constantFrom<number | bigint | null>(null, 10 ** 15 - 1, 2n ** 53n + 1n, 2n ** 63n - 1n),
);
const counts = { status200: count, status429: count };
const more = fc.option(fc.constant({ added: [1] }), { nil: {}, freq: 6 });
const SERVICES: Readonly<Record<Service, fc.Arbitrary<object>>> = {
  legacy: fc.record({ clientId: text, clientName: text, templateUri: text, ...counts, requests: fc.nat() }),
  jobs: fc.record({
    oauthClient: fc.oneof(fc.record({ id: text, name: text, selfUri: text }), fc.constant(null)),
    templateUri: text,
    ...counts,
    requestCount: fc.nat(),
  }),
};

/** JSON with every digit of bigints. */
function json(value: object): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "bigint" ? `#${member}#` : member,
  ).replaceAll(/"#(\d+)#"/g, "$1");
}

describe("a spool of rows", () => {
  it.each(["legacy", "jobs"] as const)(
    "becomes the same slice whether %s rows are recognized or parsed",
    async (service) => {
      const folder = await workFolder();
      const files = new SliceFiles(join(folder, "spill"));
      onTestFinished(() => files.close());
      const rows = fc.array(
        fc.tuple(SERVICES[service], more).map(([row, rest]) => ({ ...row, ...rest })),
        {
          minLength: 1,
          maxLength: 20,
        },
      );
      await fc.assert(
        fc.asyncProperty(rows, async (given) => {
          const lines = given.map((row) => json({ ...row, date: "2026-11-01" }));
          await writeFile(join(folder, "given.ndjson"), lines.map((line) => `${line}\n`).join(""));
          const spool = new RowSpool(folder);
          await spoolRows(join(folder, "given.ndjson"), spool);
          const [only] = spool.dates();
          expect([spool.rows, spool.dates().length, only?.date]).toEqual([given.length, 1, "2026-11-01"]);
          const parquet = join(folder, "slice.parquet");
          const key = { ...KEY, service, grouping: "client-uri" as Grouping };
          const from = { file: only?.file ?? "", longestLine: spool.longestLine };
          await files.write(key, from, parquet, provenance({ rows: given.length }));
          const expected = lines.map((line, i) => {
            const { texts, metrics } = parseApiRow(JSON.parse(line) as Record<string, unknown>, line, i + 1);
            const { clientId = "", clientName = null, templateUri = "" } = texts;
            const { status200 = null, status429 = null, requests = null } = metrics;
            return [clientId, clientName, templateUri, status200, status429, requests].map(String).join("|");
          });
          const found = (await readParquet(parquet)).map((row) =>
            ["clientId", "clientName", "templateUri", "status200", "status429", "requests"]
              .map((name) => String(row[name]))
              .join("|"),
          );
          expect(found.sort()).toEqual(expected.sort());
        }),
        { numRuns: 60 },
      );
    },
  );

  it("keeps each date's lines in order, however many there are", async () => {
    const folder = await workFolder();
    const lines = new LinesByDate(folder, "test");
    const days = [undefined, "2026-11-01", "2026-11-02"] as Parameters<LinesByDate["add"]>[0][];
    for (let i = 0; i < 30_000; i++) {
      lines.add(days[i < 20_000 ? 1 : i % 3], `${String(i).padStart(99, "0")}\n`);
      lines.flushIfLarge();
    }
    lines.flush();
    const all = await Promise.all(days.map((day) => readFile(lines.file(day) ?? "", "utf8")));
    for (const content of all) {
      const found = content.split("\n").slice(0, -1);
      expect(found).toEqual([...found].sort());
    }
    expect(all.join("").length).toBe(30_000 * 100);
  });
});
