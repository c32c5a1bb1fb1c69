import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { BIN } from "../helpers/bin.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { rewriteSlice } from "../helpers/lakes.ts";
import { venvOf } from "../helpers/venv.ts";

/** A heading below "Read the lake with other tools", and the code under it. */
interface Recipe {
  readonly name: string;
  readonly blocks: readonly { readonly language: string; readonly code: string }[];
}

const guide = await readFile(new URL("../../docs/lake.md", import.meta.url), "utf8");
const [section = ""] = guide.split("## Read the lake with other tools\n")[1]?.split(/^## /m) ?? [];
const [head, ...recipes] = section.split(/^### /m).map((text): Recipe => {
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return {
    name: text.split("\n")[0] ?? "",
    blocks: blocks.map(([, language = "", code = ""]) => ({ language, code })),
  };
});

function codeOf({ name, blocks }: Recipe, language: string): string {
  const found = blocks.filter((block) => block.language === language);
  expect(found, `${language} of ${name}`).toHaveLength(1);
  return found[0]?.code ?? "";
}

let cwd: string;
let bin: string;

beforeAll(async () => {
  bin = await venvOf("recipes", join(import.meta.dirname, "requirements.txt"), "what the recipes use");
  cwd = await workFolder();
  const command = join(cwd, "bin", "gc-usage");
  await mkdir(join(cwd, "bin"));
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
  await chmod(command, 0o755);
  await makeLakes();
});

/** One lake with all that a careless read would count, and another organization's. */
async function makeLakes(): Promise<void> {
  const now = Date.parse("2026-11-24T00:00:00Z");
  const days = ["--from", "2026-10-31", "--to", "2026-11-08"];
  const month = ["--from", "2026-10-01", "--to", "2026-10-31", "--granularity", "month"];
  const sync = async ({ env }: Sandbox, lake: string, ...args: string[]): Promise<void> =>
    expect(await gcUsage(["sync", "--lake", lake, ...args], { cwd, env })).toMatchObject({ exitCode: 0 });
  const one = await startSandbox({ now, jobDelayMs: 1 });
  const other = await startSandbox({ seed: 2, now, jobDelayMs: 1 });
  try {
    await sync(one, "usage-lake", ...days);
    await sync(one, "usage-lake", ...days, "--service", "legacy", "--group-by", "client");
    await sync(one, "usage-lake", ...days, "--group-by", "client");
    await sync(one, "usage-lake", ...month);
    await sync(other, "lakes/globex", "--from", "2026-11-01", "--to", "2026-11-02");
  } finally {
    await one.close();
    await other.close();
  }
  await cp(join(cwd, "usage-lake"), join(cwd, "lakes/acme"), { recursive: true });
  const usage = join(cwd, "usage-lake/usage/granularity=day");
  const sliceOf = (date: string): string => join(usage, `date=${date}/jobs.client-uri-method.parquet`);
  const slice = sliceOf("2026-11-02");
  await cp(slice, slice.replace(".parquet", "-DESKTOP-1A2B.parquet"));
  await writeFile(join(usage, "date=2026-11-02/_notes.parquet"), "not a slice");
  // Other columns, as another version might write them.
  await rewriteSlice(sliceOf("2026-11-01"), "SELECT * EXCLUDE (platform, extra) FROM SLICE");
  await rewriteSlice(sliceOf("2026-11-03"), "SELECT 'eu' AS region, * FROM SLICE");
}

type Rows = readonly (readonly unknown[])[];

/** Spark on this machine only, without its web pages and with as much at once as a small lake needs. */
const SPARK = {
  SPARK_LOCAL_IP: "127.0.0.1",
  PYSPARK_SUBMIT_ARGS:
    "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 pyspark-shell",
};

/** What `gc-usage` itself answers. */
async function answer(args: readonly string[]): Promise<Rows> {
  const ran = await gcUsage([...args, "--output", "json"], { cwd });
  expect(ran).toMatchObject({ exitCode: 0 });
  const { rows } = JSON.parse(ran.stdout) as { rows: Record<string, unknown>[] };
  expect(rows.length).toBeGreaterThan(2);
  return rows.map((row) => Object.values(row));
}

async function python(code: string): Promise<Rows> {
  await writeFile(join(cwd, "recipe.py"), code);
  const script = join(import.meta.dirname, "rows.py");
  const { stdout } = await execa(join(bin, "python"), [script, "recipe.py"], { cwd, env: SPARK });
  return JSON.parse(stdout.split("\n").at(-1) ?? "") as Rows;
}

async function shell(code: string): Promise<string> {
  const path = [join(cwd, "bin"), bin, process.env["PATH"]].join(delimiter);
  return (await execa("sh", ["-ec", code], { cwd, env: { PATH: path } })).stdout;
}

/** Cells as text. Of the recipes none has a quote or comma in its rows but in quoted text. */
function csv(text: string): Rows {
  const lines = text.trimEnd().split(/\r?\n/).slice(1);
  return lines.map((line) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted ?? plain),
  );
}

const asText = (rows: Rows): Rows => rows.map((row) => row.map(String));

describe("a recipe of docs/lake.md gives what gc-usage sql gives:", () => {
  const same = recipes.filter(({ blocks }) => blocks.length === 1);
  it.each(same.map((recipe) => [recipe.name, recipe] as const))("%s", async (_name, recipe) => {
    const expected = await answer(["sql", codeOf(head as Recipe, "sql")]);
    if (recipe.blocks[0]?.language === "sh") {
      expect(csv(await shell(codeOf(recipe, "sh")))).toEqual(asText(expected));
    } else {
      expect(await python(codeOf(recipe, "python"))).toEqual(expected);
    }
  });

  it("Several organizations", async () => {
    const recipe = recipes.find(({ name }) => name === "Several organizations") as Recipe;
    const expected = await answer(["sql", codeOf(recipe, "sql"), "--lake", "lakes"]);
    expect(await python(codeOf(recipe, "python"))).toEqual(expected);
  });

  it("Excel, as far as its CSV goes", async () => {
    const command = codeOf(recipes.find(({ name }) => name === "Excel") as Recipe, "sh");
    await shell(command);
    const [, question = "", from = "", to = ""] =
      /ask (\S+) --from (\S+) --to (\S+) --csv-safe --bom --out busy-clients.csv/.exec(command) ?? [];
    const expected = await answer(["ask", question, "--from", from, "--to", to]);
    const text = await readFile(join(cwd, "busy-clients.csv"), "utf8");
    expect(text).toMatch(/^\ufeff/);
    expect(csv(text.slice(1))).toEqual(asText(expected));
  });
});

it("no program is left out", () => {
  expect(recipes.map(({ name }) => name)).toEqual([
    "pandas",
    "polars",
    "pyarrow",
    "DuckDB in Python",
    "DuckDB's command line",
    "Spark",
    "Excel",
    "Several organizations",
    "On S3",
  ]);
});
