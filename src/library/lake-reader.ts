import type { ListedSlice } from "../lake/lake.ts";
import { hasFilters } from "../questions/filters.ts";
import { narrowStatement } from "../questions/narrow-statement.ts";
import { get } from "../questions/questions.ts";
import { joinSignals, untilAborted } from "../support/effects.ts";
import {
  type AskOptions,
  type FilterOptions,
  filtersIn,
  type PreparedAnswer,
  prepareAnswer,
} from "./answers.ts";
import type { LakeContext } from "./context.ts";
import { type OpenEngine, openEngine } from "./engines.ts";
import { waitingOf } from "./lake-access.ts";
import { ownFolder } from "./own-folder.ts";
import type { RunOptions } from "./settings.ts";
import { SharedEngine } from "./shared-engine.ts";
import { shownNames } from "./shown-names.ts";
import { Statement } from "./statements.ts";

/**
 * An engine over a lake, kept open from one statement to the next, and opened again if the lake has changed. Several operations
 * may use it at the same time.
 */
export class LakeReader {
  readonly #context: LakeContext;
  #current: { readonly shared: SharedEngine; readonly listing: string } | undefined;
  /** The engine before, for what was prepared with it but has not started yet. */
  #before: SharedEngine | undefined;
  /** The last turn to look at the lake and open an engine. Only one at a time does so. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: LakeContext) {
    this.#context = context;
  }

  async prepare(question: string, options: AskOptions & { isChecked?: boolean }): Promise<PreparedAnswer> {
    const found = get(question, ownFolder(options.questions, this.#context.variables));
    const shared = await this.#engine(options, true);
    return await shared.during((engine) =>
      prepareAnswer(found, this.#context, engine, options, options.isChecked ?? true),
    );
  }

  async statement(sql: string, options: RunOptions & FilterOptions): Promise<Statement> {
    const shared = await this.#engine(options, false);
    return await shared.during((engine) => this.#statement(engine, sql, options));
  }

  async #statement(engine: OpenEngine, sql: string, options: RunOptions & FilterOptions): Promise<Statement> {
    const waiting = waitingOf(this.#context, options);
    const lakes = engine.lakes ?? [];
    const filters = filtersIn(options);
    const named = hasFilters(filters) ? lakes.map(({ lake }) => lake) : [];
    const narrowed = await narrowStatement(sql, engine.engine, filters, {
      organizations: lakes.flatMap(({ organization }) => organization ?? []),
      names: await shownNames(named, undefined, this.#context.variables),
      signal: waiting.signal,
    });
    return new Statement(narrowed, this.#context, engine, waiting);
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    const all = [this.#current?.shared ?? [], this.#before ?? []].flat();
    this.#current = undefined;
    this.#before = undefined;
    await Promise.all(all.map((shared) => shared.close()));
  }

  async #engine(options: RunOptions, needsSlices: boolean): Promise<SharedEngine> {
    const { signal } = waitingOf(this.#context, options);
    const before = this.#turn;
    const turn = (async () => {
      await before.catch(() => undefined);
      signal?.throwIfAborted();
      return await this.#upToDate(options, needsSlices);
    })();
    this.#turn = turn.catch(() => undefined);
    return await untilAborted(turn, signal);
  }

  async #upToDate(options: RunOptions, needsSlices: boolean): Promise<SharedEngine> {
    const current = this.#current;
    if (current && (await listingOf(current.shared.opened)) === current.listing) return current.shared;
    const opened = await this.#open(options, needsSlices);
    const listing = (opened.lakes ?? []).map(({ slices }) => versionsOf(slices)).join("\n\n");
    const shared = new SharedEngine(opened);
    this.#current = { shared, listing };
    this.#before?.closeWhenIdle();
    this.#before = current?.shared;
    return shared;
  }

  async #open(options: RunOptions, needsSlices: boolean): Promise<OpenEngine> {
    const { log, variables, isPlaceGiven } = this.#context;
    // The engine outlives the operation that opens it, whose signal must not end its calls later.
    const operation = joinSignals(options.signal);
    const lifetime = joinSignals(this.#context.options.signal, operation.signal);
    try {
      const opened = await openEngine({
        ...waitingOf(this.#context, options),
        signal: lifetime.signal,
        options: this.#context.options,
        place: await this.#context.place(),
        isPlaceGiven,
        variables,
        log,
        needsSlices,
      });
      return { ...opened, close: () => opened.close().finally(lifetime.release) };
    } catch (error) {
      lifetime.release();
      throw error;
    } finally {
      operation.release();
    }
  }
}

async function listingOf({ lakes }: OpenEngine): Promise<string> {
  const all = await Promise.all((lakes ?? []).map(({ lake }) => lake.list()));
  return all.map(versionsOf).join("\n\n");
}

function versionsOf(slices: readonly ListedSlice[]): string {
  return slices.map(({ object: { path, version } }) => `${path} ${version}`).join("\n");
}
