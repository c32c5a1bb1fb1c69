/**
 * Reproducible randomness: everything in the sandbox comes from integers hashed with the seed, so every machine makes the
 * same organization. Uses only 32-bit arithmetic, because the last bits of Math functions may differ.
 */

/** Mixes integers into an unsigned 32-bit integer, with the steps of a 32-bit avalanche: xor-shift and multiply. */
export function hash(...parts: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const part of parts) h = step(h, part);
  return h >>> 0;
}

/** `hash` for one more part: inner loops hash a prefix once and continue from there. */
export function step(h: number, part: number): number {
  let x = Math.imul(h ^ part, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 15), 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 13), 0x27d4eb2f);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A version 4 UUID made from integers. */
export function uuid(...parts: readonly number[]): string {
  const hex = [0, 1, 2, 3]
    .map((i) =>
      hash(...parts, 0x75756964, i)
        .toString(16)
        .padStart(8, "0"),
    )
    .join("");
  const variant = "89ab".charAt(hash(...parts, 0x76617269) % 4);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Random-looking text of a given length, like a secret or token. It protects only a simulated organization. */
export function opaque(length: number, ...parts: readonly number[]): string {
  return Array.from({ length }, (_, i) => LETTERS.charAt(hash(...parts, 0x6f706171, i) % 64)).join("");
}
