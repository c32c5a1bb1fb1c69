/** Decides whether a setting can be shown, although somebody may have put a secret there. */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** True for the form of Genesys Cloud ids, including OAuth client ids, which none of its secrets has. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** An OAuth client id for a message: unchanged if it is one, otherwise a placeholder. */
export function shownClientId(id: string): string {
  return isUuid(id) ? id : "[not shown: not a UUID]";
}

/**
 * True for text that looks random, like keys, tokens and secrets, unlike names of regions, hosts, profiles and stacks.
 * This is a guess, used only to hide text.
 */
export function looksSecret(text: string): boolean {
  if (isUuid(text)) return false;
  if (/(?<![A-Za-z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/.test(text)) return true;
  const drawn = text
    .split(/[^A-Za-z0-9+/]+/)
    .filter((piece) => !isWords(piece))
    .join("");
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(drawn)).length;
  return (drawn.length >= 10 && kinds === 3) || (drawn.length >= 20 && kinds === 2);
}

/** Words, years and counters joined together, or the suffix that CloudFormation adds to generated names. */
function isWords(piece: string): boolean {
  return (
    /^(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|\d{1,8}$|\d{2,8}|[a-z]$)*$/.test(piece) || /^[A-Z0-9]{12,13}$/.test(piece)
  );
}
