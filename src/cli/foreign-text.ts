import type { Foreign } from "../index.ts";
import { counted } from "../support/count.ts";
import { printable } from "../support/printable.ts";

const SHOWN = 3;

/** `usage/notes.txt (not the path of a slice or of raw rows) and 4 more`; undefined if there are none. */
export function foreignText(foreign: readonly Foreign[]): string | undefined {
  if (foreign.length === 0) return undefined;
  const first = foreign.slice(0, SHOWN).map(described);
  const more = foreign.length - first.length;
  return first.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Lines for standard output; empty if there are none. */
export function foreignListText(foreign: readonly Foreign[]): string {
  if (foreign.length === 0) return "";
  // Links come first: commands stop at them.
  const ordered = [...foreign].sort((a, b) => Number(b.kind === "link") - Number(a.kind === "link"));
  const lines = ordered.slice(0, SHOWN).map((object) => `  ${described(object)}\n`);
  const more = foreign.length - lines.length;
  return (
    `\nNot part of the lake, never read: ${counted(foreign.length, "object")}\n${lines.join("")}` +
    (more > 0 ? `  and ${more} more (list them with --json)\n` : "")
  );
}

/** Keeps it on one line: a name may contain any character. */
function described({ path, why }: Foreign): string {
  return `${printable(path).replaceAll(/[\n\t]/g, "\ufffd")} (${why})`;
}
