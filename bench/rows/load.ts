import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sqlString } from "../../src/support/quote.ts";
import { writeAnswer } from "../answer.ts";
import { bareDuckDb, type Comparison, gcUsage, memoryOf, type Row } from "../context.ts";
import { inTurn, type Measured, middle, quotient } from "../measure.ts";

/** A raw answer of 300 days → slices, against jq alone and DuckDB's own reader of JSON. */
export const load: Row = {
  name: "load",
  measure: async ({ tools, rounds, isQuick, folder }) => {
    const file = join(folder, "answer.json");
    await writeAnswer(file, Number(process.env["ROWS"] ?? (isQuick ? 100_000 : 1_000_000)));
    const statements = join(folder, "read_json.sql");
    await writeFile(statements, readJson(file, join(folder, "duckdb")));
    const [ours = [], duckdb = [], jq = []] = await inTurn(
      rounds,
      folder,
      [
        gcUsage(loadArgs(file, join(folder, "lake"))),
        bareDuckDb(statements),
        ...(tools.jq ? [{ command: tools.jq.command, args: ["-c", ".results[]", file] }] : []),
      ],
      () => forget(folder),
    );
    await rm(file);
    const work = "load, 300 days";
    const found: Comparison[] = [
      {
        id: "load.duckdb",
        work,
        against: "DuckDB's `read_json`",
        ours: middle(ours),
        theirs: middle(duckdb),
        value: quotient(duckdb, ours),
        reach: { kind: "times", is: "at least", value: 2 },
      },
      {
        id: "load.duckdb.memory",
        work: `${work}: memory`,
        quantity: "memory",
        against: "DuckDB's `read_json`",
        ours: middle(ours),
        theirs: middle(duckdb),
        value: quotient(ours, duckdb, ({ peakBytes }) => peakBytes),
        reach: { kind: "of", is: "at most", value: 1 / 3 },
      },
      memoryOf("load.memory", work, { ours: middle(ours), most: 300 }),
    ];
    if (!tools.jq) return found;
    const against = `${tools.jq.name}, which stores nothing`;
    return [
      {
        id: "load.jq",
        work,
        against,
        ours: middle(ours),
        theirs: middle(jq),
        value: quotient(jq, ours),
        reach: { kind: "times", is: "at least", value: 6 },
      },
      ...found,
    ];
  },
};

/** Ten times the rows. MANY_ROWS sets the larger number. */
export const growth: Row = {
  name: "growth",
  isLong: true,
  measure: async ({ folder }) => {
    const many = Number(process.env["MANY_ROWS"] ?? 10_000_000);
    const [few, all] = [join(folder, "few.json"), join(folder, "all.json")];
    await writeAnswer(few, many / 10);
    await writeAnswer(all, many);
    const lake = join(folder, "lake");
    const small: Measured[] = [];
    const large: Measured[] = [];
    for (const [file, runs] of [
      [few, small],
      [all, large],
      [few, small],
    ] as const) {
      const [[run] = []] = await inTurn(1, folder, [gcUsage(loadArgs(file, lake))], () => forget(folder));
      if (run) runs.push(run);
    }
    await Promise.all([rm(few), rm(all)]);
    const sides = { ours: middle(large), theirs: middle(small), against: "a tenth of the rows" };
    const work = `load, ${(many / 1e6).toLocaleString("en-US")} million rows`;
    return [
      {
        ...sides,
        id: "growth.time",
        work,
        value: sides.ours.seconds / sides.theirs.seconds,
        reach: { kind: "of", is: "at most", value: 10.5 },
      },
      {
        ...sides,
        id: "growth.memory",
        work: `${work}: memory`,
        quantity: "memory",
        value: (sides.ours.peakBytes ?? Number.NaN) / (sides.theirs.peakBytes ?? Number.NaN),
        reach: { kind: "of", is: "at most", value: 1.1 },
      },
      memoryOf("growth.bytes", work, { ours: middle(large), most: 300 }),
    ];
  },
};

function loadArgs(file: string, lake: string): string[] {
  return ["load", file, "--granularity", "day", "--lake", lake, "--quiet"];
}

async function forget(folder: string): Promise<void> {
  for (const name of ["lake", "duckdb"]) await rm(join(folder, name), { recursive: true, force: true });
  await mkdir(join(folder, "duckdb"));
}

/** DuckDB's shortest way to sorted files by day. */
function readJson(file: string, target: string): string {
  const texts = ["clientId", "clientName", "organizationId", "userId", "templateUri", "httpMethod", "date"];
  const counts = ["status200", "status300", "status400", "status500", "status429", "requests"];
  const fields = [...texts.map((name) => `${name} VARCHAR`), ...counts.map((name) => `${name} BIGINT`)];
  return `CREATE TABLE answer AS SELECT unnest(results, recursive := true)
  FROM read_json(${sqlString(file)}, maximum_object_size = 4000000000, columns = {results: 'STRUCT(${fields.join(", ")})[]'});
COPY (SELECT * REPLACE (left(date, 10) AS date) FROM answer ORDER BY date, clientId, templateUri)
  TO ${sqlString(target)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date), OVERWRITE_OR_IGNORE);
`;
}
