import type { QueryOptions, QueryResult, SqlEngine, SqlRow } from "../engine/engine.ts";
import { GcUsageError } from "../support/errors.ts";
import type { OpenEngine } from "./engines.ts";

/** An engine that several operations use at the same time. It can be replaced while some of them still read. */
export class SharedEngine {
  /** The engine counts the statements that run. */
  readonly opened: OpenEngine;
  readonly #close: () => Promise<void>;
  #uses = 0;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  constructor(opened: OpenEngine) {
    const { engine } = opened;
    const counted: SqlEngine = {
      traits: engine.traits,
      slices: engine.slices,
      query: (sql, options) => this.#query(engine, sql, options),
      close: () => engine.close(),
    };
    this.opened = { ...opened, engine: counted };
    this.#close = opened.close;
  }

  /** Keeps the engine open until the action has ended. */
  async during<T>(action: (engine: OpenEngine) => Promise<T>): Promise<T> {
    this.#uses++;
    try {
      return await action(this.opened);
    } finally {
      this.#release();
    }
  }

  /** Closes it as soon as nothing uses it. */
  closeWhenIdle(): void {
    this.#isClosing = true;
    // Nobody waits for it, and the temporary files of an engine that does not close are removed later.
    if (this.#uses === 0) void this.close().catch(() => undefined);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #query(engine: SqlEngine, sql: string, options: QueryOptions | undefined): Promise<QueryResult> {
    if (this.#closed) {
      throw new GcUsageError("lake", "The lake has changed since the statement was prepared.", {
        hint: "Prepare it again.",
        retryable: true,
      });
    }
    this.#uses++;
    let isReleased = false;
    const release = (): void => {
      if (!isReleased) this.#release();
      isReleased = true;
    };
    try {
      const result = await engine.query(sql, options);
      return { ...result, stats: () => result.stats(), batches: releasing(result.batches, release) };
    } catch (error) {
      release();
      throw error;
    }
  }

  #release(): void {
    this.#uses--;
    if (this.#isClosing && this.#uses === 0) this.closeWhenIdle();
  }
}

async function* releasing(
  batches: AsyncIterable<readonly SqlRow[]>,
  release: () => void,
): AsyncGenerator<readonly SqlRow[]> {
  try {
    yield* batches;
  } finally {
    release();
  }
}
