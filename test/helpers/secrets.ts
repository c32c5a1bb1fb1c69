/**
 * The prefixes of every secret in the tests: the sandbox's client secrets and tokens, and the tests' AWS keys. If one of them
 * is found where no secret belongs, that is a leak, whichever secret it is.
 */
export const MARKS = ["sandbox_secret_", "sandbox_token_"] as const;

/** The prefixes as text, in hexadecimal, and in Base64 at any alignment. */
const FORMS: readonly string[] = MARKS.flatMap((mark) => [
  mark,
  Buffer.from(mark).toString("hex"),
  ...[0, 1, 2].map((before) => {
    const encoded = Buffer.from("\0".repeat(before) + mark).toString("base64");
    // The letters at both ends contain bits of the text around the prefix.
    return encoded.slice(before === 0 ? 0 : before + 1, Math.floor(((before + mark.length) * 8) / 6));
  }),
]);

/** The position of a secret in a text, with some of its surroundings; undefined if there is none. */
export function leakIn(text: string): string | undefined {
  for (const form of FORMS) {
    const at = text.indexOf(form);
    if (at >= 0) return JSON.stringify(text.slice(Math.max(0, at - 100), at + form.length));
  }
  return undefined;
}
