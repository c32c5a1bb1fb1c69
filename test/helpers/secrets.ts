/**
 * How every secret of the tests begins: the sandbox's client secrets and tokens, and the keys of the tests' AWS. Whoever
 * finds one of these marks where no secret belongs has found a leak, whichever secret it is.
 */
export const MARKS = ["sandbox_secret_", "sandbox_token_"] as const;

/** The marks as they are, in hexadecimal, and in Base64 wherever in the encoded text they may stand. */
const FORMS: readonly string[] = MARKS.flatMap((mark) => [
  mark,
  Buffer.from(mark).toString("hex"),
  ...[0, 1, 2].map((before) => {
    const encoded = Buffer.from("\0".repeat(before) + mark).toString("base64");
    // The letters at both ends hold bits of what stands beside the mark.
    return encoded.slice(before === 0 ? 0 : before + 1, Math.floor(((before + mark.length) * 8) / 6));
  }),
]);

/** Where a secret stands in a text, with some of what is around it; undefined where none does. */
export function leakIn(text: string): string | undefined {
  for (const form of FORMS) {
    const at = text.indexOf(form);
    if (at >= 0) return JSON.stringify(text.slice(Math.max(0, at - 100), at + form.length));
  }
  return undefined;
}
