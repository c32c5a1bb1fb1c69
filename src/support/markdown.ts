import { inert } from "./printable.ts";

const ZERO_WIDTH_SPACE = "\u200b";

/**
 * Foreign text for a line of Markdown on which it stays text: no markup, no HTML, no link, and no mention that would notify
 * people. For GitHub, GitLab, Jira and Slack.
 */
export function markdownText(text: string): string {
  return (
    inLine(text)
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replace(/[\\`*_{}[\]|#!~]|:(?=\/\/)|(?<=\bwww)\./gi, (character) => `\\${character}`)
      // A mention is found in the text itself, whatever the markup.
      .replace(/@(?=\S)/g, `@${ZERO_WIDTH_SPACE}`)
  );
}

/** Foreign text as code. In a cell of a table, a `|` would end the cell. */
export function markdownCode(text: string, { isCell = false } = {}): string {
  const line = inLine(text);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const padding = /^`|`$/.test(line) ? " " : "";
  const code = `${fence}${padding}${line}${padding}${fence}`;
  return isCell ? code.replaceAll("|", "\\|") : code;
}

/** Lines of code that cannot end the block. */
export function markdownBlock(code: string, language: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${code.trimEnd()}\n${fence}`;
}

/** A name may contain line breaks. */
function inLine(text: string): string {
  return inert(text.replaceAll(/\s+/g, " ")).trim();
}
