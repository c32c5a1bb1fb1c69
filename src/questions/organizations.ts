import type { QueryOptions, QueryResult, SqlEngine, SqlRow } from "../engine/engine.ts";
import { ORGANIZATION } from "../engine/tables.ts";
import { isUsageError, UsageError } from "../support/errors.ts";
import { sqlString } from "../support/quote.ts";
import { describeSpan } from "../usage/coverage.ts";
import { maxDay, minDay } from "../usage/day.ts";
import type { SliceKey } from "../usage/slice.ts";
import { answerLake, type SliceReader } from "./answer-lake.ts";
import { type Asked, type Basis, basisOf } from "./basis.ts";
import type { Question } from "./questions.ts";

/** A lake that a question is answered from; one of several where it has an organization. */
export interface AskedLake {
  /** The name of the lake's folder; undefined where there is one lake. */
  readonly organization: string | undefined;
  readonly engine: SqlEngine;
  readonly lake: SliceReader;
  /** What names the lake in a command that a hint gives, ` --lake lakes/acme`. */
  readonly lakeFlags: string;
}

/** What the question is answered from in one lake. */
export interface LakeBasis extends AskedLake {
  readonly basis: Basis;
  /** What the lake alone would have been answered from: its own newest days. */
  readonly own: Basis;
}

/** An engine over several lakes as one over a single organization's, for the statements that the program makes. */
export function engineOf(engine: SqlEngine, organization: string, slices: readonly SliceKey[]): SqlEngine {
  return {
    traits: engine.traits,
    slices,
    query: (sql, options) => engine.query(ofOrganization(sql, organization), options),
    close: () => engine.close(),
  };
}

/** One of the program's own statements over the rows of one organization. */
export function ofOrganization(sql: string, organization: string): string {
  return inTable(sql, `(SELECT * FROM usage WHERE ${ORGANIZATION[0]} = ${sqlString(organization)}) AS usage`);
}

/** One of the program's own statements with something else in the place of the table `usage`. */
export function inTable(sql: string, table: string): string {
  return sql.replaceAll(/\bFROM usage\b/g, () => `FROM ${table}`);
}

/**
 * What a question is answered from in each lake. Several are answered for the same period, or their figures could not be
 * compared: where it is not named, the one that they all have.
 *
 * @throws {UsageError} as `basisOf` does, with the organization's name; lake, where there is no such period.
 */
export async function basesOf(
  question: Question,
  lakes: readonly AskedLake[],
  asked: Asked,
  now: number,
  signal?: AbortSignal,
): Promise<LakeBasis[]> {
  const basesFor = async (change: Partial<Asked>): Promise<Basis[]> => {
    const bases: Basis[] = [];
    for (const { organization, engine, lake, lakeFlags } of lakes) {
      const wanted = { ...asked, ...change, lakeFlags };
      bases.push(
        await named(organization, () => basisOf(question, answerLake(engine, lake, signal), wanted, now)),
      );
    }
    return bases;
  };
  const own = await basesFor({});
  let bases = own;
  const isOfOne = (): boolean => new Set(bases.map(({ window }) => JSON.stringify(window))).size === 1;
  const last = own.map(({ window }) => window.end).reduce(minDay);
  if (!isOfOne()) bases = await basesFor({ to: last });
  if (!isOfOne()) {
    const first = bases.map(({ window }) => window.start).reduce(maxDay);
    if (first > last) throw noPeriod(lakes, own);
    bases = await basesFor({ last: undefined, from: first, to: last });
  }
  return lakes.map((lake, i) => ({ ...lake, basis: bases[i] as Basis, own: own[i] as Basis }));
}

/** Runs a step for one organization: its errors say whose they are. */
export async function named<T>(organization: string | undefined, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (organization === undefined || !isUsageError(error)) throw error;
    const { kind, message, hint, details } = error;
    throw new UsageError(kind, `${organization}: ${message}`, {
      hint: [hint, `Or ask another organization alone, with --organization.`].filter(Boolean).join(" "),
      details: { ...details, organization },
      cause: error,
    });
  }
}

function noPeriod(lakes: readonly AskedLake[], own: readonly Basis[]): UsageError {
  const periods = lakes.map(
    ({ organization }, i) => `${organization} ${describeSpan((own[i] as Basis).window)}`,
  );
  return new UsageError("lake", `The lakes have no period in common: ${periods.join(", ")}.`, {
    hint: "Sync the older one, set the period with --from and --to, or ask one with --organization.",
  });
}

/** One organization's rows. */
export interface Part {
  readonly organization: string | undefined;
  readonly engine: SqlEngine;
  readonly sql: string;
  readonly options: QueryOptions;
}

/** The rows of every organization, one after the other, behind a column with its name. */
export async function together(parts: readonly Part[]): Promise<QueryResult> {
  const [first, ...others] = parts;
  if (!first) throw new RangeError("an answer of several lakes has a part");
  const results = [await first.engine.query(first.sql, first.options)];
  const [{ columns, tables, sumsAcross }] = results as [QueryResult];
  const [name, type] = ORGANIZATION;
  async function* batches(): AsyncGenerator<SqlRow[]> {
    for (const [i, part] of [first as Part, ...others].entries()) {
      const result = results[i] ?? (await part.engine.query(part.sql, part.options));
      results[i] = result;
      for await (const batch of result.batches) yield batch.map((row) => [part.organization ?? null, ...row]);
    }
  }
  const sum = (values: readonly (number | undefined)[]): number | undefined =>
    values.reduce((total, value) => (value === undefined ? total : (total ?? 0) + value), undefined);
  return {
    columns: [{ name, type, kind: "text" }, ...columns],
    tables,
    sumsAcross,
    batches: batches(),
    stats: () => {
      const stats = results.map((result) => result.stats());
      const bytesScanned = sum(stats.map((one) => one.bytesScanned));
      const costUsd = sum(stats.map((one) => one.costUsd));
      return {
        elapsedMs: sum(stats.map((one) => one.elapsedMs)) ?? 0,
        rows: sum(stats.map((one) => one.rows)) ?? 0,
        ...(bytesScanned === undefined ? {} : { bytesScanned }),
        ...(costUsd === undefined ? {} : { costUsd }),
      };
    },
  };
}
