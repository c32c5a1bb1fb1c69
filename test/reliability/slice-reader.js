// Reads damaged slices, one after the other, in a process that may crash. Arguments: the lake, the slice's file in it, a file
// with one damage per line ([{at, byte}, …] or {cut}), the number of the first one. Prints a line for each.
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { openDuckDb } from "../../dist/engine/duckdb/duckdb.js";
import { openLake } from "../../dist/lake/open.js";

const [folder = "", slice = "", list = "", first = "0"] = process.argv.slice(2);
const sound = readFileSync(slice);
const damages = readFileSync(list, "utf8").trim().split("\n");

for (let i = Number(first); i < damages.length; i++) {
  const damage = /** @type {{ cut?: number, bytes?: [number, number][] }} */ (JSON.parse(damages[i] ?? "{}"));
  writeFileSync(slice, damaged(damage));
  writeSync(1, `${i} `);
  const outcome = { sql: await readBySql(), status: await readByStatus(), rss: process.memoryUsage().rss };
  writeSync(1, `${JSON.stringify(outcome)}\n`);
}
writeFileSync(slice, sound);

/** @param {{ cut?: number, bytes?: [number, number][] }} damage */
function damaged({ cut, bytes = [] }) {
  const out = Buffer.from(sound);
  for (const [at, byte] of bytes) out[at] = byte;
  return cut === undefined ? out : out.subarray(0, cut);
}

async function readBySql() {
  try {
    const engine = await openDuckDb(folder);
    try {
      const { batches } = await engine.query("SELECT * FROM usage ORDER BY ALL");
      const rows = [];
      for await (const batch of batches) rows.push(...batch);
      return { rows: rows.map((row) => row.map(String).join("\t")).join("\n") };
    } finally {
      await engine.close();
    }
  } catch (error) {
    return { error: told(error) };
  }
}

async function readByStatus() {
  try {
    const lake = await openLake(folder);
    try {
      const slices = await lake.slices();
      return { known: slices.filter(({ provenance }) => provenance).length, of: slices.length };
    } finally {
      await lake.close();
    }
  } catch (error) {
    return { error: told(error) };
  }
}

/** @param {unknown} error */
function told(error) {
  if (!(error instanceof Error)) return { kind: "none", text: String(error) };
  const { kind = "bug", hint = "" } = /** @type {{ kind?: string, hint?: string }} */ (error);
  return { kind, text: `${error.message}\n${hint}` };
}
