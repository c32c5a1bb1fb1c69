import { regExpText } from "./quote.ts";

/**
 * Keeps secrets out of all output. Data is covered by the first rule, messages by all three:
 * - known secrets, anywhere and in any encoding, even if a message truncates them;
 * - suspects: settings that look like a misplaced secret;
 * - typical places of secrets (Authorization headers, URLs, tokens in JSON and forms), whatever they contain.
 */
export class Redactor {
  readonly #plain = new Set<string>();
  readonly #forms = new Set<string>();
  readonly #pieces = new Set<string>();
  #patterns: Patterns | undefined;

  /** Registers a value that must never be printed, except placeholders and very short values, which occur in ordinary text. */
  add(secret: string | undefined): void {
    if (secret === undefined || isTrivial(secret) || this.#plain.has(secret)) return;
    this.#plain.add(secret);
    this.#hide(secret, formsOf(secret));
  }

  /** Registers a value to hide in messages, although it may not be a secret: data is left unchanged. */
  suspect(value: string): void {
    if (isTrivial(value)) return;
    this.#hide(value, [value, encodeURIComponent(value), value.toLowerCase()]);
  }

  /** Forgets every value before the next command line. */
  clear(): void {
    this.#plain.clear();
    this.#forms.clear();
    this.#pieces.clear();
    this.#patterns = undefined;
  }

  #hide(secret: string, forms: readonly string[]): void {
    for (const form of forms) if (form.length >= MIN_LENGTH) this.#forms.add(form);
    // A truncated message may contain a truncated secret.
    if (secret.length >= 2 * PIECE) this.#pieces.add(secret);
    this.#patterns = undefined;
  }

  /** For messages, notes and traces: everything that people read apart from the data. */
  redact(text: string): string {
    this.#patterns ??= this.#compile();
    const { forms, heads } = this.#patterns;
    let out = forms === undefined ? text : text.replace(forms, HIDDEN);
    for (const [head, secret] of heads) out = withoutPiece(out, head, secret);
    return out
      .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${HIDDEN}`)
      .replace(
        /("?(?:access_token|client_secret|refresh_token|password|secretaccesskey|sessiontoken)"?\s*[:=]\s*"?)[^"&\s,}[]+/gi,
        `$1${HIDDEN}`,
      )
      .replace(
        /([?&](?:x-amz-(?:signature|credential|security-token)|sig|signature|token|key|secret)=)[^&\s"'[]+/gi,
        `$1${HIDDEN}`,
      )
      .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)(?!\[redacted\]@|USER:PASSWORD@)[^\s/?#"']*@/gi, `$1${HIDDEN}@`);
  }

  /** For data: replaces only known secrets in their original form. */
  redactData(text: string): string {
    this.#patterns ??= this.#compile();
    const { plain } = this.#patterns;
    return plain === undefined ? text : text.replace(plain, HIDDEN);
  }

  #compile(): Patterns {
    const heads = [...this.#pieces].map((secret): [string, string] => [secret.slice(0, PIECE), secret]);
    return { forms: patternOf(this.#forms), plain: patternOf(this.#plain), heads };
  }
}

interface Patterns {
  readonly forms: RegExp | undefined;
  readonly plain: RegExp | undefined;
  /** The first letters of each long secret, and the secret. */
  readonly heads: readonly (readonly [string, string])[];
}

const HIDDEN = "[redacted]";
const MIN_LENGTH = 4;
/** Shorter secrets are hidden only as whole words, not inside words and numbers. */
const WHOLE_WORD_BELOW = 8;
/** The minimum length of a recognized part of a secret. */
const PIECE = 12;

/** Placeholders for secrets in examples and tests. Hiding such a word protects nothing and garbles the text. */
const PLACEHOLDERS = new Set(
  "admin dummy example false local localhost localstack minioadmin none null password secret test testing token true undefined user".split(
    " ",
  ),
);

function isTrivial(secret: string): boolean {
  const isShortNumber = secret.length < WHOLE_WORD_BELOW && /^\d*$/.test(secret);
  return secret.length < MIN_LENGTH || isShortNumber || PLACEHOLDERS.has(secret.toLowerCase());
}

/** The encodings of a secret in URLs, forms, JSON, Base64 and hexadecimal. */
function formsOf(secret: string): string[] {
  const escaped = [encodeURIComponent(secret), new URLSearchParams([["", secret]]).toString().slice(1)];
  const bytes = Buffer.from(secret, "utf8");
  return [
    secret,
    ...escaped,
    ...escaped.map((text) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())),
    JSON.stringify(secret).slice(1, -1),
    ...(secret.length < WHOLE_WORD_BELOW ? [] : [bytes.toString("hex"), ...base64Of(bytes)]),
  ];
}

/** Base64 of any text that contains the secret, for each of the three alignments: the letters determined by the secret only. */
function base64Of(bytes: Buffer): string[] {
  const standard = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return encoded.slice(before === 0 ? 0 : before + 1, Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [...standard, ...standard.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

function patternOf(secrets: ReadonlySet<string>): RegExp | undefined {
  if (secrets.size === 0) return undefined;
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  const source = longestFirst.map((secret) => {
    const literal = regExpText(secret);
    return secret.length < WHOLE_WORD_BELOW ? `(?<![A-Za-z0-9])${literal}(?![A-Za-z0-9])` : literal;
  });
  return new RegExp(source.join("|"), "g");
}

function withoutPiece(text: string, head: string, secret: string): string {
  let out = text;
  for (let at = out.indexOf(head); at >= 0; at = out.indexOf(head, at + HIDDEN.length)) {
    let end = at + head.length;
    while (end < out.length && out[end] === secret[end - at]) end++;
    out = out.slice(0, at) + HIDDEN + out.slice(end);
  }
  return out;
}

/** The instance of the process: code that learns a secret registers it here. */
export const secrets = new Redactor();
