import type { DuckDBConnection } from "@duckdb/node-api";
import { messageOf, UsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { openPrivateDuckDb } from "./private-duckdb.ts";
import type { CopiedFile } from "./private-files.ts";
import { viewOf } from "./views.ts";

/**
 * Reads copies of the lake's files whole, each column, in a database of its own, since an error of the worst kind makes one
 * unusable. The bytes of a copy have been read from the lake, so what DuckDB cannot make rows of is damage.
 *
 * @returns lake, naming the first file that is damaged; undefined where none is.
 */
export async function damageIn(
  copies: readonly CopiedFile[],
  templateFile: string,
): Promise<UsageError | undefined> {
  const raw = copies.filter(({ isRaw }) => isRaw);
  const slices = copies.filter(({ isRaw }) => !isRaw);
  return (await firstDamaged(slices, templateFile)) ?? (await firstDamaged(raw, templateFile));
}

async function firstDamaged(
  copies: readonly CopiedFile[],
  templateFile: string,
): Promise<UsageError | undefined> {
  const [first] = copies;
  if (!first) return undefined;
  const cause = await failure(copies, templateFile);
  if (cause === undefined) return undefined;
  if (copies.length > 1) {
    const half = Math.ceil(copies.length / 2);
    return (
      (await firstDamaged(copies.slice(0, half), templateFile)) ??
      (await firstDamaged(copies.slice(half), templateFile))
    );
  }
  const why = (messageOf(cause).split("\n")[0] ?? "").replaceAll(first.copy, first.file);
  const { isRaw } = first;
  return new UsageError(
    "lake",
    `The ${isRaw ? "file" : "slice"} ${first.file} is damaged: DuckDB says ${quoted(why)}.`,
    {
      hint: isRaw
        ? "Remove or correct that file. It holds raw rows that `gc-usage load` or `sync --keep-source` kept."
        : "Run `gc-usage verify`: it lists every damaged slice with the command that fetches it again.",
      cause,
    },
  );
}

/** What DuckDB says where it cannot read the files. */
async function failure(copies: readonly CopiedFile[], templateFile: string): Promise<unknown> {
  const memory = await openPrivateDuckDb();
  let connection: DuckDBConnection | undefined;
  try {
    connection = await memory.instance.connect();
    const isRaw = copies.some((one) => one.isRaw);
    const table = isRaw ? "gc_usage_api_source" : "usage";
    const template = isRaw ? [] : [templateFile];
    await connection.run(viewOf(table, [...template, ...copies.map(({ copy }) => copy)], false));
    await connection.run(`SELECT count(COLUMNS(*)) FROM ${table}`);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    connection?.closeSync();
    await memory.close();
  }
}
