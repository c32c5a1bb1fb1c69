import type { Answer } from "./answer.ts";
import type { AskOptions, PreparedAnswer } from "./answers.ts";
import type { RowObject } from "./row-objects.ts";

/** What answers questions about a lake: a UsageLake, for operations that it has itself. */
export interface Asker {
  location(): Promise<string>;
  ask(question: string, options?: AskOptions): Promise<Answer<RowObject>>;
  prepare(question: string, options?: AskOptions & { readonly isChecked?: boolean }): Promise<PreparedAnswer>;
}
