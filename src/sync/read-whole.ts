import { lentPieces, linesIn } from "../environment/lent-pieces.ts";
import { codeOf } from "../support/errors.ts";

/** Reads a file to its end, so that a read error is not mistaken for damage. */
export async function readBytes(file: string): Promise<void> {
  const pieces = lentPieces(file);
  while (!(await pieces.next()).done);
}

export type RawRows =
  | { readonly outcome: "read"; readonly rows: number }
  /** `line`, counted from 1, is not a JSON object. */
  | { readonly outcome: "damaged"; readonly line: number }
  | { readonly outcome: "unreadable"; readonly code: string }
  | { readonly outcome: "gone" };

/** Reads a file of raw rows, one JSON object per line, to its end or to the first invalid line. */
export async function readRawRows(file: string, signal: AbortSignal | undefined): Promise<RawRows> {
  let rows = 0;
  let line = 0;
  try {
    for await (const text of linesIn(file)) {
      signal?.throwIfAborted();
      line++;
      if (text.trim() === "") continue;
      if (!isObject(text)) return { outcome: "damaged", line };
      rows++;
    }
    return { outcome: "read", rows };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || signal?.aborted) throw error;
    return code === "ENOENT" ? { outcome: "gone" } : { outcome: "unreadable", code };
  }
}

function isObject(text: string): boolean {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json);
  } catch {
    return false;
  }
}
