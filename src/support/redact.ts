/**
 * Keeps secrets out of what is printed. Three walls, the first for data as well, all of them for messages:
 * - known secrets, wherever they stand and however they are encoded, also when a message cut off their end;
 * - suspects: settings that look like a secret in the wrong place;
 * - the usual places of secrets (Authorization headers, URLs, tokens in JSON and forms), whatever they hold.
 */
export class Redactor {
  readonly #plain = new Set<string>();
  readonly #forms = new Set<string>();
  readonly #pieces = new Set<string>();
  #patterns: Patterns | undefined;

  /** Registers a value that must never be printed. Placeholders and very short values would blank ordinary text. */
  add(secret: string | undefined): void {
    if (secret === undefined || isTrivial(secret) || this.#plain.has(secret)) return;
    this.#plain.add(secret);
    this.#hide(secret, formsOf(secret));
  }

  /** Registers a value that is hidden in messages, though it may turn out to be no secret: data is left alone. */
  suspect(value: string): void {
    if (isTrivial(value)) return;
    this.#hide(value, [value, encodeURIComponent(value), value.toLowerCase()]);
  }

  /** Forgets every value: another command line begins. */
  clear(): void {
    this.#plain.clear();
    this.#forms.clear();
    this.#pieces.clear();
    this.#patterns = undefined;
  }

  #hide(secret: string, forms: readonly string[]): void {
    for (const form of forms) if (form.length >= MIN_LENGTH) this.#forms.add(form);
    // What cuts a long message may cut the secret in it.
    if (secret.length >= 2 * PIECE) this.#pieces.add(secret);
    this.#patterns = undefined;
  }

  /** For messages, notes and traces: everything that people read beside the data. */
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

  /** For data: known secrets as they are, and nothing else. */
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
/** Shorter secrets are hidden where they stand alone, and not inside of words and numbers. */
const WHOLE_WORD_BELOW = 8;
/** So many letters of a secret are taken for a piece of it. */
const PIECE = 12;

/** What stands in for a secret in examples and tests. Hiding such a word hides nothing, and garbles what holds it. */
const PLACEHOLDERS = new Set(
  "admin dummy example false local localhost localstack minioadmin none null password secret test testing token true undefined user".split(
    " ",
  ),
);

function isTrivial(secret: string): boolean {
  const isShortNumber = secret.length < WHOLE_WORD_BELOW && /^\d*$/.test(secret);
  return secret.length < MIN_LENGTH || isShortNumber || PLACEHOLDERS.has(secret.toLowerCase());
}

/** A secret as URLs, forms, JSON, Base64 and hexadecimal spell it. */
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

/** Base64 of whatever holds the secret, at each of the three places where it may begin: the letters that it alone decides. */
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
    const literal = secret.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
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

/** One for the process: whoever learns a secret registers it here. */
export const secrets = new Redactor();
