import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it, onTestFinished } from "vitest";
import { CHANGED, readFooter } from "../../src/lake/footer.ts";
import { encodeProvenance, readProvenance } from "../../src/lake/provenance.ts";
import { SliceFiles, spoolLine } from "../../src/lake/slice-parquet.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { workFolder } from "../helpers/folders.ts";
import { KEY, provenance, readable, spoolRow } from "../helpers/lakes.ts";

async function slice(folder: string, name: string, change: Parameters<typeof provenance>[0] = {}) {
  const parquet = new SliceFiles(join(folder, "spill"));
  onTestFinished(() => parquet.close());
  const spool = join(folder, "spool.ndjson");
  await writeFile(spool, spoolLine(spoolRow()));
  const file = join(folder, name);
  await parquet.write(KEY, spool, file, provenance(change));
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
    expect(await readFooter(await slice(await workFolder(), "a.parquet", wanted))).toEqual(readable(wanted));
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
