import type { QueryOptions, QueryStats, SqlEngine } from "../engine/engine.ts";
import { describeSpan } from "../usage/coverage.ts";
import type { MatchedPath, RowFilter } from "../usage/envelope.ts";
import { applyFilters, type Filters } from "./filters.ts";
import type { ShownNames } from "./named-rows.ts";
import { asRun, narrowEngine } from "./narrow.ts";
import type { LakeBasis } from "./organizations.ts";
import { bind, type ParamValues, rowsWhere } from "./questions.ts";

/** The statement that answers a question from one lake. */
export interface AnswerPart extends LakeBasis {
  /** As it runs: with all values and conditions. */
  readonly sql: string;
  readonly reads: QueryOptions["reads"];
  /** What the rows are narrowed to. */
  readonly filters: readonly RowFilter[];
  /** With patterns of paths: each, and the number of endpoints that it matches. */
  readonly paths: readonly MatchedPath[] | undefined;
  /** What the search for the values of filters cost; undefined without filters. */
  readonly searched: QueryStats | undefined;
}

/**
 * The statements that answer a question. The filters are looked up in the rows that it reads, which runs a statement
 * for each lake if there are any.
 *
 * @throws {GcUsageError} input, for a filter that is ambiguous or not found, or an invalid param; and what the engine
 * throws.
 */
export async function answerParts(
  answers: readonly LakeBasis[],
  given: {
    readonly filters: Filters;
    readonly params: ParamValues;
    readonly names: ShownNames;
    readonly signal: AbortSignal | undefined;
  },
): Promise<AnswerPart[]> {
  const parts = answers.map(({ engine, basis, ...answer }) => {
    const { question, source, window, read, slices } = basis;
    const reads = { ...read, granularity: source.granularity, slices };
    const dates = [...new Set(slices.map(({ date }) => date))].filter(
      (date) => date >= window.start && date <= window.end,
    );
    const sql = bind(question, { ...source, ...window, params: given.params, dates: dates.sort() });
    return { ...answer, engine, basis, sql, reads };
  });
  const applied = await applyFilters(
    given.filters,
    parts.map(({ organization, engine, basis, reads }) => ({
      organization,
      engine,
      where: rowsWhere({ ...basis.source, ...basis.read }),
      options: { reads, signal: given.signal },
      what: describeSpan(basis.read),
    })),
    given.names,
  );
  return parts.map((part, i) => {
    const { filters = [], conditions = [], paths, searched } = applied[i] ?? {};
    return { ...part, ...narrowed(part, conditions), filters, paths, searched };
  });
}

/** The engine for the narrowed text. */
function narrowed(
  { engine, sql }: { engine: SqlEngine; sql: string },
  conditions: readonly string[],
): { engine: SqlEngine; sql: string } {
  const narrow = narrowEngine(engine, conditions);
  return { engine: narrow.whole, sql: asRun(narrow, sql) };
}
