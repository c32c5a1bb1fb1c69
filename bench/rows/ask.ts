import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sqlString } from "../../src/support/quote.ts";
import { bareDuckDb, type Comparison, type Context, gcUsage, type Row, textOf } from "../context.ts";
import { inTurn, middle, quotient } from "../measure.ts";
import { makeYearLake } from "../page/year-lake.ts";

const QUESTION = ["ask", "busy-clients", "--last", "12m"];

/** A question over twelve months, against DuckDB running the same statement over the same slices. */
export const ask: Row = {
  name: "ask",
  measure: async (context) => {
    const { rounds, isQuick, folder } = context;
    const lake = await makeYearLake(folder, { clients: isQuick ? 40 : 400, density: 0.09 });
    const statements = await bare(context, lake, `${lake}/usage/*/*/*.parquet`);
    const [ours = [], theirs = []] = await inTurn(2 * rounds + 1, folder, [
      gcUsage([...QUESTION, "--lake", lake, "--quiet"]),
      bareDuckDb(statements),
    ]);
    const sides = { ours: middle(ours), theirs: middle(theirs) };
    return [
      {
        ...sides,
        id: "ask.slices",
        work: "ask, 12 months, 10,000 rows a day",
        against: "bare DuckDB, same slices",
        value: sides.ours.seconds - sides.theirs.seconds,
        ratio: quotient(ours, theirs),
        reach: { kind: "on top", is: "at most", value: 0.35 },
      },
    ];
  },
};

/** The same over ten times the rows, against DuckDB reading one file. */
export const askLarge: Row = {
  name: "ask-large",
  isLong: true,
  measure: async (context) => {
    const { rounds, folder } = context;
    const lake = await makeYearLake(folder, { clients: 4000, density: 0.09 });
    const one = join(folder, "one.parquet");
    const make = join(folder, "one.sql");
    await writeFile(
      make,
      `COPY (SELECT * FROM ${slices(`${lake}/usage/*/*/*.parquet`)})
  TO ${sqlString(one)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    await inTurn(1, folder, [bareDuckDb(make)]);
    const statements = await bare(context, lake, one);
    const [ours = [], theirs = []] = await inTurn(rounds, folder, [
      gcUsage([...QUESTION, "--lake", lake, "--quiet"]),
      bareDuckDb(statements),
    ]);
    return [
      {
        id: "ask.large",
        work: "ask, 12 months, 100,000 rows a day",
        against: "bare DuckDB, one file",
        ours: middle(ours),
        theirs: middle(theirs),
        value: quotient(ours, theirs),
        reach: { kind: "of", is: "at most", value: 1.5 },
      } satisfies Comparison,
    ];
  },
};

/** The question's own statement, over files that gc-usage has no part in. */
async function bare({ folder }: Context, lake: string, files: string): Promise<string> {
  const sql = await textOf(gcUsage([...QUESTION, "--lake", lake, "--print-sql", "--quiet"]), folder);
  const file = join(folder, "bare.sql");
  await writeFile(file, `CREATE VIEW usage AS SELECT * FROM ${slices(files)};\n${sql}`);
  return file;
}

function slices(files: string): string {
  const partitions = files.includes("*")
    ? ", hive_partitioning = true, hive_types = {granularity: varchar, date: date}"
    : "";
  return `read_parquet(${sqlString(files)}${partitions})`;
}
