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

/**
 * `Did you mean a or b?`, for a hint; undefined if no known word is similar.
 *
 * @param shown how to write a word, for example with its option.
 */
export function didYouMean(
  text: string,
  known: Iterable<string>,
  shown: (word: string) => string = String,
): string | undefined {
  const near = nearest(text, known);
  return near.length === 0 ? undefined : meant(near.map(shown));
}

/** `Did you mean a, b or c?` */
export function meant(words: readonly string[]): string {
  const [last = "", ...others] = words.toReversed();
  const all = others.length === 0 ? last : `${others.toReversed().join(", ")} or ${last}`;
  return `Did you mean ${all}?`;
}

/** The suggestion, if there is one, before the rest of a hint. */
export function suggesting(text: string, known: Iterable<string>, rest: string): string {
  return [didYouMean(text, known), rest].filter(Boolean).join(" ");
}
