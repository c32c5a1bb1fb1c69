import type { Column } from "../engine/engine.ts";
import type { Envelope } from "../usage/envelope.ts";
import type { PreparedAnswer } from "./answers.ts";
import { answerRows, type RowObject } from "./row-objects.ts";
import type { RunOptions } from "./settings.ts";

/** The answer to a question: its rows, and what they are based on. */
export class Answer<Row extends object> implements Iterable<Row> {
  readonly rows: readonly Row[];
  /** As in the statement, with the engine's types. The rows have the names in camel case. */
  readonly columns: readonly Column[];
  /** The period, service, grouping and coverage, and when the data was fetched. */
  readonly basis: Envelope;

  private constructor(rows: readonly Row[], columns: readonly Column[], basis: Envelope) {
    this.rows = rows;
    this.columns = columns;
    this.basis = basis;
  }

  static async of(prepared: PreparedAnswer, { signal }: RunOptions): Promise<Answer<RowObject>> {
    const result = await prepared.run({ signal });
    return new Answer(await answerRows(result), result.columns, prepared.envelope);
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.rows[Symbol.iterator]();
  }
}
