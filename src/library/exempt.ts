import type { Subject } from "../insight/subjects.ts";
import { matchers } from "../questions/filters.ts";
import { GcUsageError } from "../support/errors.ts";
import { didYouMean } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { shellWord } from "../support/quote.ts";

/** How many clients a message lists. */
const LISTED = 10;

/**
 * The clients that the texts mean: ids, names, or unambiguous parts of names. An id has precedence over a name, and a whole name
 * over a part.
 *
 * @throws {GcUsageError} input, if one is not found or matches several.
 */
export function exemptAmong(clients: readonly Subject[], texts: readonly string[]): Subject[] {
  return [...new Set(texts.map((text) => find(clients, text)))];
}

function find(clients: readonly Subject[], text: string): Subject {
  const wanted = text.trim();
  if (wanted === "")
    throw new GcUsageError("input", "--exempt is empty.", { hint: "Set a client's id or name." });
  for (const isMatch of matchers(wanted, false)) {
    const [only, ...others] = clients.filter(({ id = "", name }) =>
      isMatch({ value: id, names: name === null ? [] : [name] }),
    );
    if (only && others.length === 0) return only;
    if (only) {
      throw new GcUsageError(
        "input",
        `--exempt ${quoted(text)} matches ${others.length + 1} clients, but must match one.`,
        { hint: `Use one of these:\n${listed([only, ...others])}` },
      );
    }
  }
  const words = clients.flatMap(({ id, name }) => [...(name === null ? [] : [name]), ...(id ? [id] : [])]);
  throw new GcUsageError("input", `--exempt ${quoted(text)} is not a client in these days.`, {
    hint:
      didYouMean(text, words, (word) => `--exempt ${shellWord(word)}`) ??
      (clients.length > 0 ? `Use one of these:\n${listed(clients)}` : "These rows contain no client."),
  });
}

function listed(clients: readonly Subject[]): string {
  return clients
    .slice(0, LISTED)
    .map(({ id = "", name }) =>
      `  --exempt ${shellWord(id)}  ${(name ?? "").replaceAll(/\s+/g, " ")}`.trimEnd(),
    )
    .join("\n");
}
