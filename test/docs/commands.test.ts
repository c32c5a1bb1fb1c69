import { readdirSync, readFileSync } from "node:fs";
import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { expect, test } from "vitest";
import { type Cli, createCli } from "../../src/cli/cli.ts";
import { COMMANDS } from "../../src/cli/commands.ts";

const ROOT = new URL("../../", import.meta.url);
const GUIDES = ["README.md", ...readdirSync(new URL("docs/", ROOT)).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith(".md") && !/docs\/(?:cli|api)\.md/.test(name),
);

/** The guide's own question has an option of its own; its test runs it. */
const OWN_QUESTION = /\bfailing-endpoints\b/;

interface CommandLine {
  readonly line: string;
  /** False for one in a sentence, which may be only a part of a command. */
  readonly isWhole: boolean;
}

/** The command lines of a guide's code blocks, with continued lines joined, and those in its sentences. */
function commandLines(text: string): CommandLine[] {
  const blocks = [...text.matchAll(/^ *```\w*\n([\s\S]*?)^ *```/gm)];
  const lines = blocks.flatMap(([, block = ""]) => block.replaceAll(/ [\\`]\n\s*/g, " ").split("\n"));
  const sentences = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  const commandIn = (code: string): string[] =>
    /(?:^|\| )\s*(?:\$ )?(?:npx )?(gc-usage .*)$/.exec(code)?.[1]?.split("\n") ?? [];
  return [
    ...lines.flatMap(commandIn).map((line) => ({ line, isWhole: true })),
    ...sentences.flatMap(commandIn).map((line) => ({ line, isWhole: false })),
  ];
}

/** The words that a shell would pass to gc-usage, up to a pipe, a redirection or a comment. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [token] of line.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'|<>#&;])+|[|<>#&;]/g)) {
    if (/^[|<>#&;]$/.test(token)) break;
    words.push(
      token.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_all, a?: string, b?: string) => a ?? b ?? ""),
    );
  }
  return words.slice(1);
}

function withoutActions(command: CommandUnknownOpts): CommandUnknownOpts {
  for (const child of command.commands) withoutActions(child);
  command.action(() => {});
  return command.exitOverride().configureOutput({ writeErr: () => {} });
}

async function problemOf(cli: Cli, words: readonly string[], isWhole: boolean): Promise<string | undefined> {
  const [name = "", ...rest] = words.filter((word) => !["--debug", "--quiet", "-q"].includes(word));
  if (name.startsWith("-") || name === "help" || /^[A-Z]/.test(name)) return undefined;
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry === undefined) return `there is no command ${name}`;
  const command = withoutActions((await entry.load()).command({ ...cli, argv: words }, COMMANDS));
  try {
    await command.parseAsync(rest, { from: "user" });
    return undefined;
  } catch (error) {
    const code = error instanceof CommanderError ? error.code : "";
    if (code === "commander.help") return undefined;
    if (!isWhole && !["commander.unknownOption", "commander.unknownCommand"].includes(code)) return undefined;
    return error instanceof Error ? error.message : String(error);
  }
}

test("every command in a code block of the README and the guides has only options that exist", async () => {
  const cli = await createCli({ debug: false, quiet: true, signal: new AbortController().signal });
  const problems: string[] = [];
  let checked = 0;
  for (const guide of GUIDES) {
    for (const { line, isWhole } of commandLines(readFileSync(new URL(guide, ROOT), "utf8"))) {
      const words = wordsOf(line);
      // A line of output or of prose that begins with the program's name.
      if (words.length === 0 || OWN_QUESTION.test(line)) continue;
      checked++;
      const problem = await problemOf(cli, words, isWhole);
      if (problem !== undefined) problems.push(`${guide}: ${line}: ${problem}`);
    }
  }
  expect(problems).toEqual([]);
  expect(checked).toBeGreaterThan(60);
});
