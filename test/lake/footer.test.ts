import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it, onTestFinished } from "vitest";
import { CHANGED, readFooter } from "../../src/lake/footer.ts";
import { encodeProvenance, readProvenance } from "../../src/lake/provenance.ts";
import { SliceFiles, spoolLine } from "../../src/lake/slice-parquet.ts";
import { METRICS, type Metric } from "../../src/usage/metric.ts";
import { workFolder } from "../helpers/folders.ts";
import { KEY, provenance, readable, spoolRow } from "../helpers/lakes.ts";
import { withDuckDb, writeParquet } from "../helpers/parquet.ts";

async function slice(folder: string, name: string, change: Parameters<typeof provenance>[0] = {}) {
  const parquet = new SliceFiles(join(folder, "spill"));
  onTestFinished(() => parquet.close());
  const spool = join(folder, "spool.ndjson");
  await writeFile(spool, spoolLine(spoolRow()));
  const file = join(folder, name);
  await parquet.write(KEY, { file: spool, longestLine: 10_000 }, file, provenance(change));
  return file;
}

/** A slice's metadata with other keys. */
function text(change: object): string {
  return JSON.stringify({ ...(JSON.parse(encodeProvenance(provenance())) as object), ...change });
}

describe("a slice's footer", () => {
  it("returns the provenance that was written", async () => {
    const wanted = {
      id: "it's 1",
      metrics: METRICS.slice(0, 2),
      organization: { id: "o1", name: "Ärger & Söhne" },
      source: { region: "mypurecloud.de", clientId: "c1" },
    };
    expect(await readFooter(await slice(await workFolder(), "a.parquet", wanted))).toEqual({
      ...readable(wanted),
      rowsLack: METRICS.slice(2),
    });
  });

  it("names the metrics that some rows miss, in any row group, and says nothing about columns that the file does not have", async () => {
    const folder = await workFolder();
    const metadata = encodeProvenance(provenance());
    const counts = (change: Partial<Record<Metric, string>>): string =>
      METRICS.map((metric) => `CAST(${change[metric] ?? "i"} AS BIGINT) AS ${metric}`).join(", ");
    const written = async (name: string, columns: string): Promise<unknown> => {
      const file = join(folder, name);
      // A row group has 122,880 rows.
      await withDuckDb((connection) =>
        writeParquet(connection, file, `SELECT ${columns} FROM range(130000) AS numbers(i)`, metadata),
      );
      return await readFooter(file);
    };
    const last = { status429: "CASE WHEN i < 129999 THEN i END", requests: "CASE WHEN i % 2 = 0 THEN i END" };
    expect(await written("some.parquet", counts(last))).toMatchObject({
      rowsLack: ["status429", "requests"],
    });
    expect(await written("all.parquet", counts({}))).toMatchObject({ rowsLack: [] });
    expect(await written("older.parquet", "i AS requests")).not.toHaveProperty("rowsLack");
  });

  it("is damaged if its bytes are truncated, empty, noise or another program's", async () => {
    const folder = await workFolder();
    const bytes = await readFile(await slice(folder, "good.parquet"));
    const length = bytes.readUInt32LE(bytes.length - 8);
    const broken: Record<string, Uint8Array> = {
      cut: bytes.subarray(0, bytes.length - 20),
      empty: Buffer.alloc(0),
      noise: Buffer.alloc(3000, "PAR1"),
      footer: Buffer.from(bytes).fill(0xff, bytes.length - 8 - length, bytes.length - 8),
      foreign: Buffer.from(bytes.toString("latin1").replace("gc_usage", "gc_usagX"), "latin1"),
      metadata: Buffer.from(bytes.toString("latin1").replace('"rows":1', '"rows":-'), "latin1"),
    };
    for (const [name, content] of Object.entries(broken)) {
      const file = join(folder, `${name}.parquet`);
      await writeFile(file, content);
      expect(await readFooter(file), name).toMatchObject({ state: "damaged", provenance: undefined });
    }
  });

  it("is an error if it cannot be read, and undefined if the file does not exist", async () => {
    const folder = await workFolder();
    expect(await readFooter(join(folder, "gone.parquet"))).toBeUndefined();
    await mkdir(join(folder, "folder.parquet"));
    await execa("mkfifo", [join(folder, "fifo.parquet")]);
    await symlink("loop.parquet", join(folder, "loop.parquet"));
    for (const name of ["folder", "fifo", "loop"]) {
      await expect(readFooter(join(folder, `${name}.parquet`)), name).rejects.toMatchObject({
        kind: "lake",
        message: expect.stringContaining(`${name}.parquet`),
      });
    }
  });

  it("may be longer than the first read, for a slice with many rows", async () => {
    const folder = await workFolder();
    const parquet = new SliceFiles(join(folder, "spill"));
    onTestFinished(() => parquet.close());
    const file = join(folder, "long.parquet");
    await parquet.write(KEY, undefined, file, provenance({ id: "x".repeat(100_000) }));
    expect(await readFooter(file)).not.toBe(CHANGED);
    expect(await readFooter(file)).toMatchObject({ state: "readable" });
  });
});

describe("a slice's metadata", () => {
  it("is damaged for any text that no version writes", () => {
    for (const field of Object.keys(provenance()).filter((name) => name !== "format")) {
      expect(readProvenance(text({ [field]: undefined })).state, field).toBe("damaged");
    }
    for (const other of ["", "{}", "null", "[]", "{", text({ start: "2026-02-30" })]) {
      expect(readProvenance(other).state).toBe("damaged");
    }
  });

  it("has format 1 if it names none", () => {
    expect(readProvenance(text({ format: undefined }))).toEqual(readable({ format: 1 }));
  });

  it("is damaged if a value is not of its type", () => {
    const wrong = {
      format: ["2"],
      start: [1, "2026-1-1"],
      metrics: ["requests", [1], null],
      fetchedAt: [0, "2026-11-20", "2026-02-30T00:00:00Z", "2026-11-20T25:00:00Z", "2026-11-20T00:00:00"],
      interval: [null],
      id: [1],
      rows: [-1, 1.5, "1"],
      version: [1],
      organization: [null, {}, { id: "" }, { id: "o1", name: 1 }, ["o1"]],
      source: [null, { region: 1 }, { clientId: null }],
    };
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values) {
        const { state } = readProvenance(text({ [field]: value }));
        expect(state, `${field} ${JSON.stringify(value)}`).toBe(field === "format" ? "newer" : "damaged");
      }
    }
  });

  it("keeps a slice readable despite an unknown key", () => {
    expect(readProvenance(text({ weather: "fine", source: { region: "r", moon: 1 } }))).toMatchObject({
      state: "readable",
      provenance: { source: { region: "r" } },
    });
  });

  it("belongs to a newer version if it has a later format or an unknown metric, understood or not", () => {
    const metrics = [...METRICS, "status418"];
    const newer = { state: "newer", writtenBy: "gc-usage 0.0.0" };
    expect(readProvenance(text({ format: 3 }))).toMatchObject({ ...newer, provenance: { format: 3 } });
    expect(readProvenance(text({ metrics }))).toMatchObject({ ...newer, provenance: { metrics: METRICS } });
    expect(readProvenance(text({ format: 3, metrics: { all: true } }))).toMatchObject({
      ...newer,
      provenance: undefined,
    });
    expect(readProvenance('{"format":4}')).toEqual({
      state: "newer",
      provenance: undefined,
      writtenBy: "a later gc-usage",
    });
  });
});
