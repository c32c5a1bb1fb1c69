/**
 * Keeps secrets out of what is printed: known values are replaced wherever they stand, and the usual places
 * of secrets (Authorization headers, tokens in JSON or forms) whatever they hold.
 */
export class Redactor {
  readonly #secrets = new Set<string>();

  /** Register a value that must never be printed. Values under four characters would blank ordinary text. */
  add(secret: string | undefined): void {
    if (secret === undefined || secret.length < 4) return;
    this.#secrets.add(secret);
    this.#secrets.add(encodeURIComponent(secret));
    this.#secrets.add(JSON.stringify(secret).slice(1, -1));
  }

  redact(text: string): string {
    let out = text;
    for (const secret of [...this.#secrets].sort((a, b) => b.length - a.length)) {
      out = out.replaceAll(secret, "[redacted]");
    }
    return out
      .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}/gi, "$1 [redacted]")
      .replace(
        /("?(?:access_token|client_secret|refresh_token|password)"?\s*[:=]\s*"?)[^"&\s,}]+/gi,
        "$1[redacted]",
      );
  }
}

/** One for the process: whoever learns a secret registers it here. */
export const secrets = new Redactor();
