import { FILTERS, type FilterName, type LakeListing, type Log, type Member } from "../index.ts";
import { messageOf } from "../support/errors.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import type { Counts } from "../views/counts.ts";
import { Facts, type FactsFilters, type FactsSeries } from "../views/facts.ts";
import { type CountsOptions, prepareCounts, readCounts } from "../views/read-counts.ts";
import type { Foreground } from "./foreground.ts";

/** How many series are kept. */
const MOST_SERIES = 2;

interface Held {
  readonly version: string;
  /** Undefined while it is read, and if the series is too large. */
  facts: Facts | undefined;
}

interface FactsParts {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly foreground: Foreground;
}

/**
 * The rows of the series that the page shows, so that a filter needs no statement. They are read after the first question about a
 * series, which a statement answers, and again after the lake has changed. Not with Athena: every row would have to be fetched.
 */
export class FactsInMemory {
  readonly #held = new Map<string, Held>();
  readonly #bases = new Map<string, Promise<Counts["basis"]>>();
  readonly #isUsed: boolean;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #foreground: Foreground;

  constructor(engine: string, { log, signal, foreground }: FactsParts) {
    this.#isUsed = engine === "duckdb";
    this.#log = log;
    this.#signal = signal;
    this.#foreground = foreground;
  }

  async counts(member: Member, listing: LakeListing, options: CountsOptions): Promise<Counts> {
    const series = this.#isUsed ? seriesOf(listing, options) : undefined;
    if (series === undefined) return await readCounts(member.lake, options);
    const key = `${member.uri} ${series.service}/${series.granularity}/${series.grouping}`;
    const held = this.#held.get(key);
    const { from, to, by = "client" } = options;
    if (held?.version === listing.version) {
      if (held.facts && from !== undefined && to !== undefined && from <= to) {
        const basis = await this.#basis(member, `${key} ${listing.version} ${from} ${to}`, options);
        const found = held.facts.counts(by as FilterName, filtersOf(options), basis);
        if (found) return found;
      }
      return await readCounts(member.lake, options);
    }
    try {
      return await readCounts(member.lake, options);
    } finally {
      this.#read(key, member, listing.version, series);
    }
  }

  #read(key: string, { lake }: Member, version: string, series: FactsSeries): void {
    if (this.#held.get(key)?.version === version) return;
    const held: Held = { version, facts: undefined };
    this.#held.delete(key);
    this.#held.set(key, held);
    this.#bases.clear();
    const [oldest] = this.#held.keys();
    if (this.#held.size > MOST_SERIES && oldest !== undefined) this.#held.delete(oldest);
    const reading = this.#foreground.later(() => Facts.read(lake, series, this.#signal));
    reading.then(
      (facts) => {
        held.facts = facts;
      },
      (error: unknown) => {
        // Statements answer instead.
        if (!this.#signal.aborted) this.#log.debug(`The rows were not read into memory: ${messageOf(error)}`);
      },
    );
  }

  /** What the days rest on, without running a statement. */
  async #basis({ lake }: Member, key: string, options: CountsOptions): Promise<Counts["basis"]> {
    const { by, service, granularity, groupBy, from, to } = options;
    const basis =
      this.#bases.get(key) ??
      prepareCounts(lake, { by, service, granularity, groupBy, from, to }).then(({ envelope }) => envelope);
    this.#bases.set(key, basis);
    basis.catch(() => this.#bases.delete(key));
    return await basis;
  }
}

/** The series that the options name in full; undefined if the library has to choose. */
function seriesOf(
  { series }: LakeListing,
  { service, granularity, groupBy }: CountsOptions,
): FactsSeries | undefined {
  const wanted = groupBy?.split(",").sort().join();
  const found = series.find(
    (one) =>
      one.service === service &&
      one.granularity === granularity &&
      dimensionsOf(one.grouping).toSorted().join() === wanted,
  );
  if (found === undefined) return undefined;
  const words = dimensionsOf(found.grouping).flatMap(
    (dimension) => FILTERS.find((filter) => filter.dimension === dimension)?.name ?? [],
  );
  return { service: found.service, granularity: found.granularity, grouping: found.grouping, words };
}

function filtersOf(options: CountsOptions): FactsFilters {
  const filters: Partial<Record<FilterName, readonly string[]>> = {};
  for (const { name } of FILTERS) {
    const given = options[name];
    if (given !== undefined) filters[name] = typeof given === "string" ? [given] : given;
  }
  return filters;
}
