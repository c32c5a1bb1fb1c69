import { setImmediate } from "node:timers/promises";
import { addDays, type Day } from "../usage/day.ts";
import { METRICS } from "../usage/metric.ts";
import { periodsOf, type Span } from "../usage/period.ts";
import { dayNumber } from "./facts.ts";
import type { Client, Organization } from "./organization.ts";
import { type Ask, DIALECTS, type SortField } from "./parse-query.ts";
import { type Results, RowWriter } from "./results.ts";
import { type Row, rowText } from "./rows.ts";
import { matcher, Splitter } from "./split.ts";
import { Tally } from "./tally.ts";
import { type Cell, cellsOf } from "./traffic.ts";

/** Number of cells between two pauses: long sums must not block other requests. */
const BREATH = 20_000;

/**
 * Sums what a query requests, period by period, into a file. Keeps in memory only the sums of one period, the offsets of the
 * rows, and, for a sorted answer, the sort values.
 *
 * @param only the only client to count, if the query came by a client's path.
 * @param signal aborts the sums when the sandbox closes.
 */
export async function aggregate(
  organization: Organization,
  ask: Ask,
  path: string,
  only: Client | undefined,
  signal: AbortSignal,
): Promise<Results> {
  const writer = await RowWriter.create(path);
  try {
    const sorter = ask.sortBy.length === 0 ? undefined : new Sorter(ask);
    const splitter = new Splitter(organization, ask.splits);
    const counts = counter(organization, ask, only);
    const periods = ask.span === undefined ? [] : periodsOf(ask.granularity, ask.span);
    let cells = 0;
    const isBreath = (): boolean => ++cells % BREATH === 0;
    for (const period of periods) {
      signal.throwIfAborted();
      const tally = await tallyOf(organization, counts, splitter, period.covered, isBreath, signal);
      for (let place = 0; place < tally.size; place++) {
        const row = rowAt(tally, place, splitter, ask.granularity === "total" ? undefined : period.date);
        sorter?.add(row);
        writer.add(rowText(ask, row));
        if (writer.isFull) {
          await writer.flush();
          signal.throwIfAborted();
        }
      }
    }
    return await writer.finish(sorter?.order());
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Selects the cells that count: by service, client path and filter. */
function counter(organization: Organization, ask: Ask, only: Client | undefined): (cell: Cell) => boolean {
  const matches = matcher(organization, ask.filters);
  const { builtins } = DIALECTS[ask.dialect];
  return (cell) =>
    (builtins || !cell.client.builtin) && (only === undefined || cell.client === only) && matches(cell);
}

async function tallyOf(
  organization: Organization,
  counts: (cell: Cell) => boolean,
  splitter: Splitter,
  span: Span,
  isBreath: () => boolean,
  signal: AbortSignal,
): Promise<Tally> {
  const tally = new Tally();
  for (let day = span.start; day <= span.end; day = addDays(day, 1)) {
    for (const cell of cellsOf(organization, dayNumber(day))) {
      if (isBreath()) await setImmediate(undefined, { signal });
      if (counts(cell)) tally.add(splitter.keyOf(cell), cell);
    }
  }
  return tally;
}

function rowAt(tally: Tally, place: number, splitter: Splitter, date: Day | undefined): Row {
  return {
    date,
    labels: splitter.labelsOf(tally.keyAt(place)),
    counts: METRICS.map((_, metric) => tally.sumAt(place, metric)),
  };
}

type SortValue = string | number;

/** Sorts rows by `sortBy`; rows with equal values keep their order. */
class Sorter {
  readonly #ask: Ask;
  readonly #values: SortValue[][];
  #rows = 0;

  constructor(ask: Ask) {
    this.#ask = ask;
    this.#values = ask.sortBy.map(() => []);
  }

  add(row: Row): void {
    for (const [i, { field }] of this.#ask.sortBy.entries()) this.#values[i]?.push(sortValue(row, field));
    this.#rows++;
  }

  order(): Uint32Array {
    const columns = this.#ask.sortBy.map(({ descending }, i) => ({
      values: this.#values[i] ?? [],
      sign: descending ? -1 : 1,
    }));
    return Uint32Array.from({ length: this.#rows }, (_, i) => i).sort((a, b) => {
      for (const { values, sign } of columns) {
        const left = values[a] ?? "";
        const right = values[b] ?? "";
        if (left !== right) return left < right ? -sign : sign;
      }
      return a - b;
    });
  }
}

function sortValue(row: Row, field: SortField): SortValue {
  if (field === "date") return row.date ?? "";
  const metric = METRICS.findIndex((name) => name === field);
  if (metric >= 0) return row.counts[metric] ?? 0;
  return row.labels[field as keyof Row["labels"]] ?? "";
}
