import type { DuckDBConnection } from "@duckdb/node-api";
import { GcUsageError, messageOf } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { openPrivateDuckDb } from "./private-duckdb.ts";
import type { CopiedFile } from "./private-files.ts";
import { viewOf } from "./views.ts";

/**
 * Reads all columns of copies of the lake's files, in a separate database, because the worst errors make a database
 * unusable. The bytes of a copy were read from the lake, so a copy that DuckDB cannot read is damaged.
 *
 * @returns lake, with the first damaged file; undefined if there is none.
 */
export async function damageIn(
  copies: readonly CopiedFile[],
  templateFile: string,
): Promise<GcUsageError | undefined> {
  const raw = copies.filter(({ isRaw }) => isRaw);
  const slices = copies.filter(({ isRaw }) => !isRaw);
  return (await firstDamaged(slices, templateFile)) ?? (await firstDamaged(raw, templateFile));
}

async function firstDamaged(
  copies: readonly CopiedFile[],
  templateFile: string,
): Promise<GcUsageError | undefined> {
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
  return new GcUsageError(
    "lake",
    `The ${isRaw ? "file" : "slice"} ${first.file} is damaged. DuckDB reports ${quoted(why)}.`,
    {
      hint: isRaw
        ? "Remove or correct this file. It contains raw rows of `gc-usage load`, `gc-usage upload` or `gc-usage sync --keep-source`."
        : "Run `gc-usage verify`: it lists every damaged slice with the command that refetches it.",
      cause,
    },
  );
}

/** DuckDB's error if it cannot read the files. */
async function failure(copies: readonly CopiedFile[], templateFile: string): Promise<unknown> {
  const memory = await openPrivateDuckDb();
  let connection: DuckDBConnection | undefined;
  try {
    connection = await memory.instance.connect();
    const isRaw = copies.some((copied) => copied.isRaw);
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
