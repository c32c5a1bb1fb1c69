import type { RootCommand } from "@bomb.sh/tab";
import { Argument, Command } from "@commander-js/extra-typings";
import { Command as AnyCommand } from "commander";
import { questions } from "../../index.ts";
import type { Cli } from "../cli.ts";
import type { CommandEntry } from "../command-entry.ts";
import { ownIfReadable } from "../question-options.ts";

export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export function command(cli: Cli, commands: readonly CommandEntry[]) {
  return new Command("completion")
    .description("Print a completion script for gc-usage's commands, options and values")
    .addArgument(new Argument("<shell>", "name of the shell").choices(SHELLS))
    .addHelpText("after", HELP)
    .action(async (shell) => {
      const root = await completions(cli, commands);
      await cli.out(printed(() => root.setup("gc-usage", "gc-usage", shell)).join("\n"));
    });
}

const HELP = `
Add the line for your shell to its startup file. Bash needs the package
bash-completion. In zsh, add the line after compinit.

Examples:
  source <(gc-usage completion bash)
  source <(gc-usage completion zsh)
  gc-usage completion fish | source
  gc-usage completion powershell | Out-String | Invoke-Expression`;

/** Captures what the library prints: it writes to the console itself. */
/* oxlint-disable no-console */
export function printed(print: () => void): string[] {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: unknown) => void lines.push(String(line));
  try {
    print();
  } finally {
    console.log = log;
  }
  return [...lines, ""];
}
/* oxlint-enable no-console */

/** The library's own command. It is removed because its texts and options differ from ours. */
const OWN = "completions";

/** Every command with its options, arguments and values. */
export async function completions(cli: Cli, commands: readonly CommandEntry[]): Promise<RootCommand> {
  const { default: tab } = await import("@bomb.sh/tab/commander");
  const program = new AnyCommand("gc-usage");
  for (const { summary, load, hidden } of commands) {
    if (!hidden) program.addCommand((await load()).command(cli, commands).description(summary) as AnyCommand);
  }
  const root = tab(program, { completionCommandName: OWN });
  root.commands.delete(OWN);
  for (const child of program.commands) addValues(root, child);
  root.commands.get("ask")?.argument("question", (complete) => {
    for (const { name, title } of [...questions(), ...ownIfReadable(cli)]) complete(name, title);
  });
  return root;
}

/** Adds the values of options whose parser lists them (options.ts). The library itself finds those of `choices`. */
function addValues(root: RootCommand, command: AnyCommand): void {
  for (const { long, description, parseArg } of command.options) {
    if (!parseArg || !("values" in parseArg) || !Array.isArray(parseArg.values)) continue;
    const values: unknown[] = parseArg.values;
    root.commands.get(command.name())?.option(long?.slice(2) ?? "", description, (complete) => {
      for (const value of values) complete(String(value), "");
    });
  }
}
