import type { QueryOptions, QueryResult } from "../engine/engine.ts";
import { checkSeries, type Demands } from "../questions/demands.ts";
import { isInTables, seriesOf, tablesEnvelope } from "../questions/envelopes.ts";
import { misreadings } from "../questions/misreadings.ts";
import { named } from "../questions/organizations.ts";
import { realEffects } from "../support/effects.ts";
import type { Envelope, RowFilter, SeriesFacts } from "../usage/envelope.ts";
import { type BoundedRows, type Bounds, boundedRows } from "./bounded.ts";
import type { LakeContext } from "./context.ts";
import type { OpenEngine } from "./engines.ts";
import type { RunOptions } from "./settings.ts";
import { version } from "./version.ts";

/** A statement over a lake, and the engine that runs it. Nothing has run yet. */
export class Statement {
  /** The filters of the tables. */
  readonly filters: readonly RowFilter[];
  readonly #sql: string;
  readonly #context: LakeContext;
  readonly #opened: OpenEngine;
  readonly #options: RunOptions;

  constructor(
    { sql, filters }: { readonly sql: string; readonly filters: readonly RowFilter[] },
    context: LakeContext,
    opened: OpenEngine,
    options: RunOptions,
  ) {
    this.filters = filters;
    this.#sql = sql;
    this.#context = context;
    this.#opened = opened;
    this.#options = options;
  }

  /** True if each statement is billed by the bytes that it scans. */
  get isBilled(): boolean {
    return this.#opened.engine.traits.billsByScan;
  }

  /**
   * Starts it. Read the result's batches once.
   *
   * @returns also how the rows could be misread, a sentence or two each.
   * @throws {GcUsageError} sql, with the engine's own reason.
   */
  async start(how: QueryOptions = {}): Promise<{ result: QueryResult; warnings: readonly string[] }> {
    const { engine } = this.#opened;
    const result = await engine.query(this.#sql, { signal: this.#options.signal, ...how });
    return { result, warnings: misreadings(result, engine.slices) };
  }

  /**
   * Runs it and reads the first rows, within bounds, which the engine applies: it reads no further.
   *
   * @throws {GcUsageError} like `start`; timeout, after `seconds`.
   */
  async bounded(bounds: Bounds): Promise<BoundedRows> {
    return await boundedRows((how) => this.start(how), bounds, this.#options.signal);
  }

  /**
   * Describes whole tables, and checks them.
   *
   * @param tables those that the statement names: `result.tables`.
   * @throws {GcUsageError} incomplete, if the tables do not meet the demands.
   */
  async describe(tables: readonly string[], demands: Demands = {}): Promise<Envelope> {
    const now = realEffects.now();
    const facts = {
      program: `gc-usage ${version()}`,
      lake: this.#opened.lakes === undefined ? null : (await this.#context.place()).uri,
      engine: this.#context.options.engine ?? "duckdb",
      now,
    };
    const wanted = isInTables(tables);
    if (this.#opened.lakes === undefined || wanted === undefined) {
      checkSeries(undefined, demands, { lakeFlags: this.#context.flags, now });
      return tablesEnvelope(tables, undefined, facts, this.filters);
    }
    const series: SeriesFacts[] = [];
    for (const { organization, lake, slices } of this.#opened.lakes) {
      const read = await lake.read(
        slices.filter(({ key }) => wanted(key)),
        this.#options,
      );
      const held = read.map(({ key, provenance }) => ({ key, coverage: provenance }));
      const found = seriesOf(held, now);
      const where = { lakeFlags: this.#context.flagsOf({ organization, lake }), now };
      await named(organization, () => checkSeries(found, demands, where));
      series.push(...found.map((item) => (organization === undefined ? item : { organization, ...item })));
    }
    return tablesEnvelope(tables, series, facts, this.filters);
  }
}
