import { GcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";

/** What is wrong with a location, and how to write it; undefined if nothing is. */
export type Problem = readonly [why: string, hint: string] | undefined;

/**
 * Checks the path of a folder as written by the user: text that a shell would have expanded, or a path of another system, is
 * rejected with a suggestion.
 *
 * @param source where it was set, for messages.
 * @throws {GcUsageError} input.
 */
export function checkFolder(text: string, source: string): string {
  const problem = unexpanded(text) ?? windowsPath(text);
  if (problem === undefined) return text;
  const [why, hint] = problem;
  throw new GcUsageError("input", `Invalid folder ${quoted(text)} (${source}): ${why}.`, { hint });
}

/** Text that a shell would have expanded, if it was quoted or came from a file or a service's settings. */
export function unexpanded(text: string): Problem {
  if (text.startsWith("~")) {
    const meant =
      text === "~" || text.startsWith("~/") ? `"$HOME${text.slice(1)}"` : "the folder's full path";
    return [
      "a shell expands ~ only at the start of an unquoted word",
      `Write ${meant}, or ./${text} for a folder of that name.`,
    ];
  }
  if (/^\.\.?[\\/]/.test(text)) return undefined;
  const [, variable] = /(?:^|[\\/])(\$\w+|\$\{[^/\\}]*\}?|%\w+%|\$env:\w+)(?=$|[\\/])/.exec(text) ?? [];
  return variable === undefined
    ? undefined
    : [`${variable} is a variable that was not expanded`, "Write the full path."];
}

/** A path of Windows on another system. */
export function windowsPath(text: string): Problem {
  if (process.platform === "win32" || !/^(?:[a-z]:(?:[\\/]|$)|\\\\)/i.test(text)) return undefined;
  return [
    "it is a Windows path, and this is not Windows",
    "Write a path on this machine; in WSL, C: is /mnt/c.",
  ];
}
