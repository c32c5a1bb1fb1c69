import { type ErrorKind, isGcUsageError } from "../../src/support/errors.ts";

/** The allowed content of a message: printable text of a readable length. */
const MAX_MESSAGE = 700;

/** What is wrong with the rejection of bad input; undefined if nothing is. */
export function faultOf(error: unknown, kinds: readonly ErrorKind[]): string | undefined {
  if (!isGcUsageError(error))
    return `no GcUsageError: ${error instanceof Error ? error.stack : String(error)}`;
  if (!kinds.includes(error.kind)) return `kind ${error.kind}: ${error.message.slice(0, MAX_MESSAGE)}`;
  return faultOfText(`${error.message}\n${error.hint ?? ""}`);
}

/** The same check for printed output. */
export function faultOfText(text: string): string | undefined {
  if (text.length > MAX_MESSAGE) return `a message of ${text.length} characters: ${text.slice(0, 200)}…`;
  const bad = /\n\s+at \S+ ?\(|\[object |\bundefined\b|node:internal|\p{Cc}(?<![\n\t])|\u202e/u.exec(text);
  return bad ? `${JSON.stringify(bad[0])} in the message: ${JSON.stringify(text)}` : undefined;
}

/** Failures by kind, with one case of each: enough to see the problem and to rerun it by its number. */
export class Faults {
  readonly #kinds = new Map<string, { times: number; first: string }>();

  add(place: string, fault: string | undefined, input: string | Uint8Array): void {
    if (fault === undefined) return;
    const kind = fault.replaceAll(/\d+/g, "0").slice(0, 60);
    const known = this.#kinds.get(kind);
    if (known) known.times++;
    else
      this.#kinds.set(kind, {
        times: 1,
        first: `${place}: ${fault} <- ${Buffer.from(input).toString().slice(0, 300)}`,
      });
  }

  list(): string[] {
    return [...this.#kinds.values()].map(({ times, first }) => `${times} ×, ${first}`);
  }
}
