import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { counted } from "../support/count.ts";
import { GcUsageError, messageOf, systemCodeOf } from "../support/errors.ts";
import { sqlName, sqlString } from "../support/quote.ts";
import { USAGE_COLUMNS, type UsageColumn } from "../usage/columns.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import type { Metric } from "../usage/metric.ts";
import type { SliceKey } from "../usage/slice.ts";
import { duckdb } from "./duckdb-client.ts";
import { SLICE_COLUMNS } from "./slice-parquet.ts";

/** The result of reading all rows of a slice. */
export interface RowFacts {
  readonly rows: number;
  /** What is impossible in a slice with that key, a few words each. */
  readonly problems: readonly string[];
  /** Oddities that may come from the service. */
  readonly notes: readonly string[];
}

/** A condition on a row, and its meaning if rows meet it. */
interface Check {
  readonly where: string;
  readonly what: string;
  readonly isNote?: boolean;
}

/** Reads whole slice files with DuckDB, in an instance with bounded memory that writes nothing. */
export class RowCheck {
  #instance: DuckDBInstance | undefined;

  /**
   * Reads a slice's file from the first byte to the last and checks its rows against its key.
   *
   * @param metrics the requested metrics.
   * @returns undefined with the reason, if DuckDB cannot read rows from the bytes.
   * @throws {GcUsageError} lake, if the machine is the cause: no memory, a failing disk.
   */
  async facts(
    file: string,
    key: SliceKey,
    metrics: readonly Metric[],
  ): Promise<RowFacts | { readonly damaged: string }> {
    let connection: DuckDBConnection | undefined;
    try {
      this.#instance ??= await startDuckDb();
      connection = await this.#instance.connect();
      return await factsIn(connection, file, key, metrics);
    } catch (error) {
      const why = (messageOf(error).split("\n")[0] ?? "").replaceAll(file, "the file");
      // After a fatal error an instance is unusable.
      connection?.closeSync();
      connection = undefined;
      this.close();
      if (systemCodeOf(error) === undefined && !/^Out of Memory Error/i.test(why)) return { damaged: why };
      throw new GcUsageError("lake", `Cannot read ${file}: ${why}.`, {
        hint: "Free memory or open files on this machine, then run the same command again.",
        cause: error,
      });
    } finally {
      connection?.closeSync();
    }
  }

  close(): void {
    this.#instance?.closeSync();
    this.#instance = undefined;
  }
}

async function startDuckDb(): Promise<DuckDBInstance> {
  return await duckdb.DuckDBInstance.create(":memory:", {
    threads: "2",
    memory_limit: "1GB",
    temp_directory: "",
    preserve_insertion_order: "false",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
}

async function factsIn(
  connection: DuckDBConnection,
  file: string,
  key: SliceKey,
  metrics: readonly Metric[],
): Promise<RowFacts> {
  const from = `read_parquet(${sqlString(file)}, hive_partitioning = false)`;
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`);
  const types = new Map(described.getRows().map(([name, type]) => [String(name), String(type)]));
  const misshaped = columnProblems(types);
  // Reads every value, including columns that no check refers to.
  const whole = `bit_xor(hash(t))`;
  const checks = misshaped.length > 0 ? [] : checksOf(key, metrics);
  const counts = checks.map(({ where }) => `count(*) FILTER (WHERE ${where})`);
  const repeats = misshaped.length > 0 ? "0" : `count(*) - count(DISTINCT hash(${KEY_COLUMNS.join(", ")}))`;
  const read = await connection.runAndReadAll(
    `SELECT ${["count(*)", repeats, whole, ...counts].join(", ")} FROM ${from} t`,
  );
  const [rows, repeated, , ...found] = read.getRows()[0] ?? [];
  const findings = checks.flatMap(({ what, isNote = false }, i) => {
    const count = Number(found[i] ?? 0);
    return count === 0 ? [] : [{ isNote, text: `${counted(count, "row")} ${what}` }];
  });
  const repeating = Number(repeated ?? 0);
  return {
    rows: Number(rows ?? 0),
    problems: [...misshaped, ...findings.flatMap(({ isNote, text }) => (isNote ? [] : text))],
    notes: [
      ...findings.flatMap(({ isNote, text }) => (isNote ? text : [])),
      ...(repeating > 0 ? [`${counted(repeating, "row")} with the same ${key.grouping} as another row`] : []),
    ],
  };
}

/** The columns that identify a row of a slice. */
const KEY_COLUMNS = USAGE_COLUMNS.filter(({ type }) => type === "varchar").map(({ name }) => name);

function columnProblems(types: ReadonlyMap<string, string>): string[] {
  const wrong = Object.entries(SLICE_COLUMNS).flatMap(([name, type]) => {
    const found = types.get(name);
    if (found === undefined) return [`column ${name} is missing`];
    return found === type ? [] : [`column ${name} is ${found}, not ${type}`];
  });
  const partition = ["granularity", "date"].filter((name) => types.has(name));
  return [...wrong, ...partition.map((name) => `it has a column ${name}, which belongs only in its path`)];
}

function checksOf(key: SliceKey, metrics: readonly Metric[]): Check[] {
  const requested: readonly string[] = metrics;
  return [
    { where: differs("service", key.service), what: `are not of the service ${key.service}` },
    { where: differs("grouping", key.grouping), what: `are not of the grouping ${key.grouping}` },
    ...USAGE_COLUMNS.flatMap((column: UsageColumn) =>
      column.kind === "metric"
        ? metricChecks(column.name, requested.includes(column.name))
        : dimensionChecks(column, key),
    ),
    ...sumChecks(key),
  ];
}

function differs(column: string, value: string): string {
  return `${sqlName(column)} IS DISTINCT FROM ${sqlString(value)}`;
}

function dimensionChecks({ name, kind, dimension }: UsageColumn, key: SliceKey): Check[] {
  const grouped: readonly string[] = dimensionsOf(key.grouping);
  if (dimension === undefined || !grouped.includes(dimension))
    return [{ where: `${name} IS NOT NULL`, what: `have a ${name}, which is not in the grouping` }];
  // A row without a user, for example, has ""; for a label NULL is fine.
  return kind === "dimension" ? [{ where: `${name} IS NULL`, what: `have no ${name}` }] : [];
}

function metricChecks(name: string, isRequested: boolean): Check[] {
  if (!isRequested) return [{ where: `${name} IS NOT NULL`, what: `have ${name}, which was not requested` }];
  return [{ where: `${name} < 0`, what: `have negative ${name}` }];
}

/**
 * How counts depend on each other. No service documents this, except for the 429s of legacy rows, which `status400`
 * includes. A deviation is worth a look, but it may come from the service.
 */
function sumChecks({ service }: SliceKey): Check[] {
  const classes = ["status200", "status300", "status400", "status500"];
  return [
    {
      where: `${classes.map((name) => `coalesce(${name}::HUGEINT, 0)`).join(" + ")} > requests`,
      what: "count more responses than requests",
      isNote: true,
    },
    ...(service === "legacy"
      ? [{ where: "status429 > status400", what: "count more 429 than 4xx responses", isNote: true }]
      : []),
  ];
}
