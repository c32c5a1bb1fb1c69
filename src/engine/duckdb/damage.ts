import type { DuckDBConnection } from "@duckdb/node-api";
import { isUsageError, messageOf, UsageError } from "../../support/errors.ts";
import { sqlName, sqlString } from "../../support/quote.ts";
import { shown } from "../../support/shown.ts";
import { USAGE_COLUMNS } from "../tables.ts";
import { openInstance } from "./instance.ts";

/** Errors that a statement brings about by itself, whatever the files hold. */
const OF_STATEMENT = [
  "Parser",
  "Binder",
  "Catalog",
  "Conversion",
  "Permission",
  "Out of Range",
  "Out of Memory",
  "Interrupt",
].map((type) => `${type} Error`);

/** True for an error that a damaged slice may be behind: DuckDB says so in a dozen ways, few of which name the file. */
export function mayBeDamage(error: unknown): boolean {
  if (!isUsageError(error)) return true;
  const { reason } = error.details;
  return error.kind === "sql" && typeof reason === "string" && !OF_STATEMENT.includes(reason);
}

/**
 * Reads the slices whole, each column, in a database of its own, since an error of the worst kind makes one unusable.
 *
 * @param files absolute, with `/` between the parts.
 * @returns lake, naming the first slice that cannot be read; undefined where all can.
 */
export async function damageIn(files: readonly string[]): Promise<UsageError | undefined> {
  if (files.length === 0) return undefined;
  const memory = await openInstance();
  try {
    const cause = await failure(await memory.instance.connect(), files);
    if (cause === undefined) return undefined;
    if (files.length > 1) {
      const half = Math.ceil(files.length / 2);
      return (await damageIn(files.slice(0, half))) ?? (await damageIn(files.slice(half)));
    }
    const why = messageOf(cause).split("\n")[0] ?? "";
    return new UsageError("lake", `The slice ${files[0]} is damaged: DuckDB says ${shown(why)}.`, {
      hint: "Remove that file and run `gc-usage sync`, which fetches it again.",
      cause,
    });
  } finally {
    await memory.close();
  }
}

/** What DuckDB says where it cannot read the files. */
async function failure(connection: DuckDBConnection, files: readonly string[]): Promise<unknown> {
  const columns = USAGE_COLUMNS.map(([name]) => `count(${sqlName(name)})`);
  try {
    await connection.run(
      `SELECT ${columns.join(", ")} FROM read_parquet([${files.map(sqlString).join(", ")}], hive_partitioning = false)`,
    );
    return undefined;
  } catch (error) {
    return error;
  } finally {
    connection.closeSync();
  }
}
