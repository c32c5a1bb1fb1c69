import { matchers } from "../questions/filters.ts";
import { counted } from "../support/count.ts";
import { GcUsageError } from "../support/errors.ts";
import { didYouMean } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { shellWord } from "../support/quote.ts";
import type { DayRange } from "../usage/envelope.ts";

interface Named {
  readonly value: string | null;
  readonly name: string | null;
}

const LISTED = 10;

/**
 * The client among rows that a text means, in the same way as the filter of that name: an id has precedence over a name, and a whole
 * name over a part.
 *
 * @throws {GcUsageError} input, if there is none, or several.
 */
export function findClient(
  text: string,
  rows: Iterable<Named>,
  period: DayRange | null,
): { readonly id: string; readonly name: string | null } {
  const known = new Map<string, { value: string; names: string[] }>();
  for (const { value, name } of rows) {
    if (value === null) continue;
    const client = known.get(value) ?? { value, names: [] };
    known.set(value, client);
    // The newest name is the last one.
    if (name !== null && client.names[0] !== name) client.names.unshift(name);
  }
  const all = [...known.values()];
  const where = period === null ? "the lake" : `${period.from} to ${period.to}`;
  if (text.trim() === "") {
    throw new GcUsageError("input", "The client is empty.", {
      hint: "Set its id, its name or a part of it.",
    });
  }
  for (const isMatch of matchers(text, false)) {
    const [client, ...others] = all.filter(isMatch);
    if (client === undefined) continue;
    if (others.length === 0) return { id: client.value, name: client.names[0] ?? null };
    throw new GcUsageError(
      "input",
      `${quoted(text)} matches ${counted(others.length + 1, "client")}, but must match one.`,
      { hint: `Use an id:\n${listed([client, ...others])}` },
    );
  }
  const words = all.flatMap(({ value, names }) => [...names, value]);
  throw new GcUsageError("input", `No client ${quoted(text)} made requests in ${where}.`, {
    hint:
      didYouMean(text, words, (word) => `gc-usage diagnose ${shellWord(word)}`) ??
      (all.length === 0
        ? "Choose another period, for example --last 90d."
        : `Use one of these:\n${listed(all)}`),
  });
}

function listed(clients: readonly { readonly value: string; readonly names: readonly string[] }[]): string {
  const lines = clients
    .toSorted((a, b) => (a.names[0] ?? "").localeCompare(b.names[0] ?? "") || a.value.localeCompare(b.value))
    .slice(0, LISTED)
    .map(({ value, names }) =>
      `  ${shellWord(value)}  ${(names[0] ?? "").replaceAll(/\s+/g, " ")}`.trimEnd(),
    );
  const more = clients.length - lines.length;
  return lines.join("\n") + (more > 0 ? `\nand ${more} more` : "");
}
