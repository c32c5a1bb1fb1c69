import { distance as editDistance } from "fastest-levenshtein";

/** The known words that differ least from a mistyped one: up to three, the closest first. */
export function nearest(text: string, known: Iterable<string>): string[] {
  const wanted = text.toLowerCase();
  return [...new Set(known)]
    .map((word) => ({ word, distance: editDistance(wanted, word.toLowerCase()) }))
    .filter(
      ({ word, distance }) => distance <= Math.min(Math.max(2, Math.floor(word.length / 4)), word.length - 1),
    )
    .sort((a, b) => a.distance - b.distance || a.word.localeCompare(b.word))
    .slice(0, 3)
    .map(({ word }) => word);
}

/** `Did you mean a or b?`, for a hint; undefined if no known word is similar. */
export function didYouMean(text: string, known: Iterable<string>): string | undefined {
  const near = nearest(text, known);
  return near.length === 0 ? undefined : `Did you mean ${listed(near)}?`;
}

/** `a`, `a or b`, `a, b or c`. */
function listed(words: readonly string[]): string {
  const [last = "", ...others] = words.toReversed();
  return others.length === 0 ? last : `${others.toReversed().join(", ")} or ${last}`;
}
