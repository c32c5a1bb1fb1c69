import type { QueryOptions, QueryResult, SqlEngine, SqlRow } from "../engine/engine.ts";
import { ORGANIZATION } from "../engine/tables.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { sqlString } from "../support/quote.ts";
import { hasCalendarPeriod } from "../usage/calendar-period.ts";
import { describeSpan } from "../usage/coverage.ts";
import { maxDay, minDay } from "../usage/day.ts";
import type { SliceKey } from "../usage/slice.ts";
import { exactly } from "../usage/window.ts";
import { answerLake, type SliceReader } from "./answer-lake.ts";
import { type Asked, type Basis, basisOf } from "./basis.ts";
import { narrowEngine } from "./narrow.ts";
import type { Question } from "./questions.ts";

/** A lake that a question reads. It has an organization if it is one of several. */
export interface AskedLake {
  /** The name of the lake's folder; undefined for a single lake. */
  readonly organization: string | undefined;
  readonly engine: SqlEngine;
  readonly lake: SliceReader;
  /** The option that names the lake in commands of hints, ` --lake lakes/acme`. */
  readonly lakeFlags: string;
}

/** The data of one lake that answers the question. */
export interface LakeBasis extends AskedLake {
  readonly basis: Basis;
  /** The basis for this lake only: its own newest days. */
  readonly own: Basis;
}

/** Narrows an engine over several lakes to one organization, for statements that read `usage`. */
export function engineOf(engine: SqlEngine, organization: string, slices: readonly SliceKey[]): SqlEngine {
  return narrowEngine(engine, [`${ORGANIZATION[0]} = ${sqlString(organization)}`], slices);
}

/**
 * The data of each lake that answers a question. The period is the same for all lakes, so that their figures can be
 * compared. If none is given, it is the period that they all have.
 *
 * @throws {GcUsageError} what `basisOf` throws, with the organization's name; lake, if there is no such period.
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
  // A calendar period sets the end itself.
  if (!isOfOne() && !hasCalendarPeriod(asked)) bases = await basesFor({ to: last });
  if (!isOfOne()) {
    const first = bases.map(({ window }) => window.start).reduce(maxDay);
    if (first > last) throw noPeriod(lakes, own);
    bases = await basesFor(exactly({ start: first, end: last }));
  }
  return lakes.map((lake, i) => ({ ...lake, basis: bases[i] as Basis, own: own[i] as Basis }));
}

/** Runs a step for one organization, and adds its name to errors. */
export async function named<T>(organization: string | undefined, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (organization === undefined || !isGcUsageError(error)) throw error;
    const { kind, message, hint, details } = error;
    throw new GcUsageError(kind, `${organization}: ${message}`, {
      hint: [hint, "Or query only another organization with --organization."].filter(Boolean).join(" "),
      details: { ...details, organization },
      cause: error,
    });
  }
}

function noPeriod(lakes: readonly AskedLake[], own: readonly Basis[]): GcUsageError {
  const periods = lakes.map(
    ({ organization }, i) => `${organization} ${describeSpan((own[i] as Basis).window)}`,
  );
  return new GcUsageError("lake", `The lakes have no period in common: ${periods.join(", ")}.`, {
    hint: "Sync the older one, set the period with --from and --to, or query one organization with --organization.",
  });
}

/** One organization's rows. */
export interface Part {
  readonly organization: string | undefined;
  readonly engine: SqlEngine;
  readonly sql: string;
  readonly options: QueryOptions;
}

/** The rows of all organizations, one after the other, with the organization as the first column. */
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
      const bytesScanned = sum(stats.map((part) => part.bytesScanned));
      const costUsd = sum(stats.map((part) => part.costUsd));
      return {
        elapsedMs: sum(stats.map((part) => part.elapsedMs)) ?? 0,
        rows: sum(stats.map((part) => part.rows)) ?? 0,
        ...(bytesScanned === undefined ? {} : { bytesScanned }),
        ...(costUsd === undefined ? {} : { costUsd }),
      };
    },
  };
}
