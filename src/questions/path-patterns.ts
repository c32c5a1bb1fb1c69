import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { MatchedPath } from "../usage/envelope.ts";

/** A line of a file of paths. */
export interface PathPattern {
  /** As written, without a comment. */
  readonly text: string;
  readonly method: string | undefined;
  readonly parts: readonly string[];
  /** What the path may be: itself, a path below it, or either. */
  readonly reach: "itself" | "below" | "both";
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const ROOT = ["api", "v2"];

/**
 * Reads paths, one a line, each with an optional method. `{anything}` and `*` stand for one part of a path, a last `/*` or `**` for
 * everything below. Empty lines and text after `#` are ignored.
 *
 * @param source the file, for messages.
 * @throws {GcUsageError} input, with the line; or if there are no paths.
 */
export function parsePaths(text: string, source: string): PathPattern[] {
  const patterns = text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .flatMap((line, i) => {
      const path = line.replace(/(?:^|\s)#.*$/, "").trim();
      return path === "" ? [] : [parsePath(path, `Line ${i + 1} of ${source}`)];
    });
  if (patterns.length > 0) return patterns;
  throw new GcUsageError("input", `${source} contains no paths.`, {
    hint: "Write one path per line, for example: GET /api/v2/flows/{flowId}",
  });
}

function parsePath(text: string, where: string): PathPattern {
  const words = text.split(/\s+/);
  const first = (words[0] ?? "").toUpperCase();
  const method = words.length > 1 && METHODS.includes(first) ? first : undefined;
  const [path = "", ...others] = method === undefined ? words : words.slice(1);
  if (others.length > 0) {
    throw new GcUsageError("input", `${where}: ${quoted(text)} is not a path.`, {
      hint: `Write one path per line. A method can come before it: ${METHODS.join(", ")}.`,
    });
  }
  const plain = path.replace(/^https?:\/\/[^/]*/i, "").replace(/\?.*$/, "");
  const reach = /\/\*\*?\/?$/.test(plain) ? "below" : plain.endsWith("**") ? "both" : "itself";
  const parts = plain
    .replace(/\/?\*\*?\/?$/, (end) => (reach === "itself" ? end : ""))
    .split("/")
    .filter((part) => part !== "");
  checkParts(parts, text, where);
  const isWhole = parts[0]?.toLowerCase() === ROOT[0] || parts.length === 0;
  return { text: words.join(" "), method, parts: isWhole ? parts : [...ROOT, ...parts], reach };
}

function checkParts(parts: readonly string[], text: string, where: string): void {
  const odd = parts.find((part) => part !== "*" && /[*{}]/.test(part) && !isPlaceholder(part));
  if (odd === undefined) return;
  throw new GcUsageError("input", `${where}: ${quoted(odd)} in ${quoted(text)} is not a part of a path.`, {
    hint: "* and {name} stand for one whole part between slashes. Only the last part can be **, for everything below.",
  });
}

/** An endpoint in the rows, with its methods if the rows are split by them. */
interface Called {
  readonly value: string;
  readonly methods: ReadonlySet<string>;
}

/** How many endpoints each pattern matches. */
export function matchedPaths(patterns: readonly PathPattern[], called: readonly Called[]): MatchedPath[] {
  return patterns.map((pattern) => ({
    path: pattern.text,
    endpoints: called.filter((endpoint) => isMatch(pattern, endpoint)).length,
  }));
}

/** The endpoints that any pattern matches: each once, or once for each method that the patterns name. */
export function endpointsMeant(patterns: readonly PathPattern[], called: readonly Called[]) {
  return called.flatMap((endpoint) => {
    const methods = new Set(
      patterns.filter((pattern) => isMatch(pattern, endpoint)).map(({ method }) => method),
    );
    const wanted = methods.has(undefined) ? [undefined] : [...methods];
    return wanted.map((method) => ({ value: endpoint.value, label: null, method }));
  });
}

function isMatch(pattern: PathPattern, { value, methods }: Called): boolean {
  return isMeant(pattern, value) && (pattern.method === undefined || methods.has(pattern.method));
}

/** Whether an endpoint, with its template's placeholders, is one that the pattern means. */
export function isMeant({ parts, reach }: PathPattern, templateUri: string): boolean {
  const own = templateUri.split("/").filter((part) => part !== "");
  if (own.length < parts.length + (reach === "below" ? 1 : 0)) return false;
  if (reach === "itself" && own.length !== parts.length) return false;
  return parts.every((part, i) => isSamePart(part, own[i] ?? ""));
}

/** A placeholder's name does not matter. `/users/{id}` does not mean `/users/me`, which is an endpoint of its own. */
function isSamePart(part: string, own: string): boolean {
  if (part === "*") return true;
  if (isPlaceholder(own)) return isPlaceholder(part) || UUID.test(part);
  return part.toLowerCase() === own.toLowerCase();
}

function isPlaceholder(part: string): boolean {
  return /^\{[^{}]+\}$/.test(part);
}
