import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { readFooter } from "../../src/lake/footer.ts";
import { SLICE_COLUMNS, SliceFiles, type SpoolRow, spoolLine } from "../../src/lake/slice-parquet.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { MAX_COUNT } from "../../src/usage/row.ts";
import { workFolder } from "../helpers/folders.ts";
import { KEY, provenance, readable, spoolRow } from "../helpers/lakes.ts";
import { readParquet } from "../helpers/parquet.ts";

async function files(): Promise<{ files: SliceFiles; folder: string }> {
  const folder = await workFolder();
  const made = new SliceFiles(join(folder, "spill"));
  onTestFinished(() => made.close());
  return { files: made, folder };
}

const text = fc.option(
  fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "NULL", "a,b", 'q"q', "l\nl", "😀", "\u0000")),
);
const count = fc.option(
  fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: MAX_COUNT }), fc.constantFrom(0, MAX_COUNT)),
);
const anyRow: fc.Arbitrary<SpoolRow> = fc.record({
  clientId: text,
  clientName: text,
  organizationId: text,
  userId: text,
  templateUri: text,
  httpMethod: text,
  platform: text,
  status200: count,
  status300: count,
  status400: count,
  status500: count,
  status429: count,
  requests: count,
  extra: fc.option(fc.jsonValue().map((value) => JSON.stringify(value))),
});

/** Rows in a defined order, with counts as exact text. */
function comparable(rows: readonly object[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row).map(([name, value]: [string, unknown]) => [
          name,
          typeof value === "number" ? `${value}` : typeof value === "bigint" ? value.toString() : value,
        ]),
      ),
    )
    .sort();
}

describe("a slice's file", () => {
  it("contains each spooled row with every value", async () => {
    const { files: parquet, folder } = await files();
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 30 }), async (rows) => {
        const spool = join(folder, "spool.ndjson");
        const file = join(folder, "slice.parquet");
        await writeFile(spool, rows.map(spoolLine).join(""));
        const repeats = await parquet.write(
          KEY,
          { file: spool, longestLine: 10_000 },
          file,
          provenance({ rows: rows.length }),
        );
        const found = await readParquet(file);
        const expected = rows.map(asSlice);
        expect(comparable(found)).toEqual(comparable(expected));
        const keys = expected.map(({ clientId, clientName, templateUri }) =>
          JSON.stringify([clientId, clientName, templateUri]),
        );
        expect(repeats).toBe(rows.length - new Set(keys).size);
      }),
      { numRuns: 40 },
    );
  });

  it("has the lake's columns in order, even without rows", async () => {
    const { files: parquet, folder } = await files();
    const file = join(folder, "empty.parquet");
    expect(await parquet.write(KEY, undefined, file, provenance({ rows: 0 }))).toBe(0);
    expect(await readParquet(file)).toEqual([]);
    expect(await readFooter(file)).toEqual({ ...readable({ rows: 0 }), rowsLack: [] });
    const spool = join(folder, "spool.ndjson");
    await writeFile(spool, spoolLine(spoolRow()));
    await parquet.write(KEY, { file: spool, longestLine: 10_000 }, file, provenance());
    expect(Object.keys((await readParquet(file))[0] ?? {})).toEqual(Object.keys(SLICE_COLUMNS));
  });

  it("replaces a lone surrogate, which UTF-8 cannot represent", async () => {
    const { files: parquet, folder } = await files();
    const spool = join(folder, "spool.ndjson");
    const file = join(folder, "slice.parquet");
    await writeFile(
      spool,
      spoolLine(spoolRow({ clientName: "a\ud83d", templateUri: "\\ud83d😀", requests: 2n ** 60n })),
    );
    await parquet.write(KEY, { file: spool, longestLine: 10_000 }, file, provenance());
    expect(await readParquet(file)).toMatchObject([
      { clientName: "a\ufffd", templateUri: "\\ud83d😀", requests: 2n ** 60n },
    ]);
  });

  it("may be in a folder whose name looks like a pattern or contains quotes", async () => {
    const folder = join(await workFolder(), "it's [1]*? a lake");
    await mkdir(folder);
    const parquet = new SliceFiles(join(folder, "spill"));
    onTestFinished(() => parquet.close());
    const spool = join(folder, "spool.ndjson");
    const file = join(folder, "slice.parquet");
    await writeFile(spool, spoolLine(spoolRow()));
    await parquet.write(KEY, { file: spool, longestLine: 10_000 }, file, provenance());
    expect(await readFooter(file)).toEqual({ ...readable(), rowsLack: [] });
  });
});

/** A row in the slice with the grouping client-uri: NULL if not grouped by, "" if grouped by without a value. */
function asSlice(row: SpoolRow) {
  const { clientId, clientName, templateUri, ...rest } = wellFormed(row);
  return {
    service: "jobs",
    grouping: "client-uri",
    clientId: clientId ?? "",
    clientName,
    organizationId: null,
    userId: null,
    templateUri: templateUri ?? "",
    httpMethod: null,
    platform: null,
    ...Object.fromEntries(METRICS.map((metric) => [metric, rest[metric]])),
    extra: rest.extra,
  };
}

/** In the form that UTF-8 can represent. */
function wellFormed<T extends object>(row: T): T {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === "string" ? Buffer.from(value).toString() : value,
    ]),
  ) as T;
}
