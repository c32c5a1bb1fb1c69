/** What may be shown of a setting that someone may have mistaken for the place of a secret. */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** True for the form that Genesys Cloud's ids have, OAuth client ids among them, and that none of its secrets has. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** An OAuth client id for a message: as it is where it is one, else a word on what it is not. */
export function shownClientId(id: string): string {
  return isUuid(id) ? id : "[not shown: not a UUID]";
}

/**
 * True for text that looks drawn by lot, as keys, tokens and secrets do, and names of regions, hosts, profiles and stacks
 * do not. A guess: it may only hide something.
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

/** Words, years and counters written together, or what CloudFormation appends to the names that it makes. */
function isWords(piece: string): boolean {
  return (
    /^(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|\d{1,8}$|\d{2,8}|[a-z]$)*$/.test(piece) || /^[A-Z0-9]{12,13}$/.test(piece)
  );
}
