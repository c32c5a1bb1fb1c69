import type { ListedSlice } from "../lake/lake.ts";
import { hasFilters } from "../questions/filters.ts";
import { narrowStatement } from "../questions/narrow-statement.ts";
import { get } from "../questions/questions.ts";
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
import { shownNames } from "./shown-names.ts";
import { Statement } from "./statements.ts";

/** An engine over a lake, kept open from one statement to the next, and opened again if the lake has changed. */
export class LakeReader {
  readonly #context: LakeContext;
  #opened: { readonly engine: OpenEngine; readonly listing: string } | undefined;

  constructor(context: LakeContext) {
    this.#context = context;
  }

  async prepare(question: string, options: AskOptions & { isChecked?: boolean }): Promise<PreparedAnswer> {
    const found = get(question, ownFolder(options.questions, this.#context.variables));
    const engine = await this.#engine(options, true);
    return await prepareAnswer(found, this.#context, engine, options, options.isChecked ?? true);
  }

  async statement(sql: string, options: RunOptions & FilterOptions): Promise<Statement> {
    const engine = await this.#engine(options, false);
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
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.engine.close();
  }

  async #engine(options: RunOptions, needsSlices: boolean): Promise<OpenEngine> {
    if (this.#opened) {
      if ((await listingOf(this.#opened.engine)) === this.#opened.listing) return this.#opened.engine;
      await this.close();
    }
    const { log, variables, isPlaceGiven } = this.#context;
    const engine = await openEngine({
      ...waitingOf(this.#context, options),
      options: this.#context.options,
      place: await this.#context.place(),
      isPlaceGiven,
      variables,
      log,
      needsSlices,
    });
    const listing = (engine.lakes ?? []).map(({ slices }) => versionsOf(slices)).join("\n\n");
    this.#opened = { engine, listing };
    return engine;
  }
}

async function listingOf({ lakes }: OpenEngine): Promise<string> {
  const all = await Promise.all((lakes ?? []).map(({ lake }) => lake.list()));
  return all.map(versionsOf).join("\n\n");
}

function versionsOf(slices: readonly ListedSlice[]): string {
  return slices.map(({ object: { path, version } }) => `${path} ${version}`).join("\n");
}
