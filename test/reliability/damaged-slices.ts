import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { UsageLake } from "../../src/index.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { type Faults, faultOfText } from "./judge.ts";
import type { Chance } from "./size.ts";

const READER = fileURLToPath(new URL("./slice-reader.js", import.meta.url));
const ROWS = 200;

interface Read {
  readonly sql: { readonly rows?: string; readonly error?: { readonly kind: string; readonly text: string } };
  readonly status: { readonly known?: number; readonly error?: { readonly text: string } };
  readonly rss: number;
}

/** The result of reading a slice with a few bytes changed, or with its end truncated. */
export interface DamageCounts {
  tried: number;
  /** Rejected, with the name of the file. */
  refused: number;
  /** Unchanged: the byte has no meaning, or was the same. */
  same: number;
  /** Changed: Parquet as DuckDB writes it has no checksum over the data. */
  differs: number;
  /** The reading process crashed. */
  died: number;
  peakRss: number;
}

/** Repeatedly damages one of a lake's two slices, and reads the lake with SQL and through its footers. */
export async function damageSlices(
  folder: string,
  times: number,
  chance: Chance,
  faults: Faults,
): Promise<DamageCounts> {
  const slice = await storeSlices(folder);
  const sound = await readFile(slice);
  const damages = Array.from({ length: times }, (_, i) =>
    i === 0
      ? { bytes: [] }
      : chance.below(10) === 0
        ? { cut: chance.below(sound.length) }
        : { bytes: changes(sound.length, chance) },
  );
  const list = join(folder, "damages");
  await writeFile(list, damages.map((damage) => JSON.stringify(damage)).join("\n"));
  const counts: DamageCounts = { tried: 0, refused: 0, same: 0, differs: 0, died: 0, peakRss: 0 };
  let truth: string | undefined;
  for (let next = 0; next < times; ) {
    await writeFile(slice, sound);
    const { lines, ended } = await readOnce([join(folder, "lake"), slice, list, String(next)]);
    for (const line of lines) {
      const [number, json] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)];
      next = Number(number) + 1;
      const damage = JSON.stringify(damages[Number(number)]);
      counts.tried++;
      if (json === "") {
        counts.died++;
        faults.add(`damage ${number}`, `the process died: ${ended}`, damage);
        continue;
      }
      const read = JSON.parse(json) as Read;
      counts.peakRss = Math.max(counts.peakRss, read.rss);
      truth ??= read.sql.rows;
      tally(read, truth, counts);
      faults.add(`damage ${number}`, faultOfRead(read), damage);
    }
    if (lines.length === 0) throw new Error(`the reader read nothing: ${ended}`);
  }
  await writeFile(slice, sound);
  return counts;
}

function changes(length: number, chance: Chance): [number, number][] {
  return Array.from({ length: 1 + chance.below(3) }, () => {
    // Half of them are in the footer, with the lengths and offsets.
    const at =
      chance.below(2) === 0 ? chance.below(length) : length - 1 - chance.below(Math.min(length, 1500));
    return [at, chance.pick([0, 1, 0x7f, 0x80, 0xff, chance.below(256)])];
  });
}

function tally({ sql }: Read, truth: string | undefined, counts: DamageCounts): void {
  if (sql.error) counts.refused++;
  else if (sql.rows === truth) counts.same++;
  else counts.differs++;
}

function faultOfRead({ sql, status }: Read): string | undefined {
  if (status.error) return `status fails: ${status.error.text}`;
  if ((status.known ?? 0) < 1) return "the sound slice next to it is not known any more";
  if (!sql.error) return undefined;
  if (sql.error.kind !== "lake") return `kind ${sql.error.kind}: ${sql.error.text}`;
  return faultOfText(sql.error.text);
}

/** Two slices, as `load` writes them. @returns the file of the one to damage. */
async function storeSlices(folder: string): Promise<string> {
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    clientId: `client-${i % 20}`,
    clientName: `Name ${i % 20}`,
    templateUri: `/api/v2/things/${i}`,
    httpMethod: "GET",
    status200: i * 7919,
    requests: i * 7919,
    date: `2026-11-0${1 + (i % 2)}T00:00:00Z`,
  }));
  const bytes = Readable.from([Buffer.from(JSON.stringify(rows))]);
  await using lake = new UsageLake(join(folder, "lake"), { variables: {} });
  const options = { granularity: "day", fetchedAt: Date.UTC(2026, 10, 20) } as const;
  const { written } = await lake.load({ name: "rows", bytes }, options);
  const [first] = written;
  if (!first) throw new Error("load stored no slice");
  return join(folder, "lake", slicePath(first));
}

function readOnce(args: string[]): Promise<{ lines: string[]; ended: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [READER, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({
        lines: out.split("\n").filter((line) => line !== ""),
        ended: `${signal ?? code} ${errors.slice(0, 500)}`,
      });
    });
  });
}
