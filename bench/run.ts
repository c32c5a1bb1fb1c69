import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import duckdb from "@duckdb/node-api";
import { counted } from "../src/support/count.ts";
import type { Comparison, Context, Row } from "./context.ts";
import { record, recorded, regressions } from "./expected.ts";
import { ask, askLarge } from "./rows/ask.ts";
import { growth, load } from "./rows/load.ts";
import { rows } from "./rows/rows.ts";
import { s3 } from "./rows/s3.ts";
import { start } from "./rows/start.ts";
import { sync } from "./rows/sync.ts";
import { isMet, tableOf } from "./table.ts";
import { findTools, type Tools } from "./tools.ts";

/**
 * `npm run bench`: every comparison of docs/performance.md, ours and theirs in turn in one run, as a Markdown table.
 *
 *     npm run bench                        everything; half an hour, and 3 GB of free space
 *     npm run bench -- rows load           only these
 *     npm run bench -- --quick             small data, for CI: fails if a result is off by more than half from expected.json
 *     npm run bench -- --record            writes the table of docs/performance.md, and with --quick expected.json
 *     npm run bench -- --json              the same as JSON
 *     npm run bench -- page                another benchmark: page, nightly, calls, lambda, scale or insight, with its own options
 *
 * RUNS is the number of rounds (3), ROWS and MANY_ROWS are the numbers of rows.
 */
const ROWS: readonly Row[] = [rows, load, growth, sync, ask, askLarge, start, s3];
const OTHERS: Readonly<Record<string, () => Promise<unknown>>> = {
  page: () => import("./page.ts"),
  nightly: () => import("./nightly.ts"),
  calls: () => import("./calls.ts"),
  lambda: () => import("./lambda.ts"),
  scale: () => import("./scale.ts").then(({ scaleTables }) => process.stdout.write(scaleTables())),
  insight: () => import("./insight.ts"),
};
const DOC = new URL("../docs/performance.md", import.meta.url);

const other = OTHERS[process.argv[2] ?? ""];
if (other) {
  process.argv.splice(2, 1);
  await other();
} else await main();

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) {
    const known = [...ROWS.map(({ name }) => name), ...Object.keys(OTHERS)].join(", ");
    throw new Error(`There is no comparison ${unknown}. There are: ${known}.`);
  }
  const wanted = ROWS.filter(({ name, isLong }) =>
    positionals.length > 0 ? positionals.includes(name) : !(values.quick && isLong),
  );
  const tools = await findTools(values.quick);
  const rounds = Number(process.env["RUNS"] ?? (values.quick ? 1 : 3));
  const found = await measured(wanted, { tools, isQuick: values.quick, rounds });
  const about = machine(tools, rounds);
  if (values.json) {
    const facts = found.map((one) => ({ ...one, isMet: isMet(one) }));
    process.stdout.write(`${JSON.stringify({ machine: about, comparisons: facts }, undefined, 2)}\n`);
  } else {
    const note = values.quick
      ? "Small data: the starts of the programs count for more than in a full run, which `reach` is for.\n"
      : "";
    process.stdout.write(`${about}\n${note}\n${tableOf(found)}`);
  }
  if (values.record) {
    if (values.quick) record(found);
    else await writeDoc(about, tableOf(found));
  }
  const worse = values.quick && !values.record ? regressions(found, recorded()) : [];
  for (const line of worse) process.stderr.write(`FAILED: ${line}\n`);
  if (worse.length > 0) process.exitCode = 1;
}

async function measured(wanted: readonly Row[], context: Omit<Context, "folder">): Promise<Comparison[]> {
  const found: Comparison[] = [];
  for (const row of wanted) {
    const began = performance.now();
    const folder = await mkdtemp(join(tmpdir(), "gc-usage-bench-"));
    try {
      found.push(...(await row.measure({ ...context, folder })));
    } catch (error) {
      process.stderr.write(
        `SKIPPED, not measured: ${row.name}. ${error instanceof Error ? error.message : ""}\n`,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    process.stderr.write(`${row.name}: ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
  }
  return found;
}

/** What the figures depend on, without the name of the machine. */
function machine(tools: Tools, rounds: number): string {
  const names = [tools.jq, tools.newJq, tools.jaq, tools.python].flatMap((tool) => tool?.name ?? []);
  const parts = [
    `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `Node.js ${process.version.slice(1)}`,
    `DuckDB ${duckdb.version().replace(/^v/, "")}`,
    ...names,
    counted(rounds, "round"),
    new Date().toISOString().slice(0, 10),
  ];
  return `${parts.join(", ")}.`;
}

/** Replaces the lines of these comparisons, and keeps the others: a full run takes half an hour. */
async function writeDoc(about: string, table: string): Promise<void> {
  const page = await readFile(DOC, "utf8");
  const region = /(<!-- npm run bench -->\n)([\s\S]*?)(<!-- end -->)/;
  const [, begin = "", before = "", end = ""] = region.exec(page) ?? [];
  const lines = new Map(
    [...before.split("\n"), ...table.split("\n")]
      .filter((line) => line.startsWith("|"))
      .map((line) => [line.split(" | ").slice(0, 2).join(" | "), line] as const),
  );
  await writeFile(
    DOC,
    page.replace(region, () => `${begin}${about}\n\n${[...lines.values()].join("\n")}\n${end}`),
  );
}
