import type { RootCommand } from "@bomb.sh/tab";
import { Argument, Command } from "@commander-js/extra-typings";
import { Command as AnyCommand } from "commander";
import { list } from "../../questions/questions.ts";
import type { Cli } from "../cli.ts";
import type { CommandEntry } from "../command-entry.ts";

export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export function command(cli: Cli, commands: readonly CommandEntry[]) {
  return new Command("completion")
    .description("Print a script that completes gc-usage's commands, options and values in your shell")
    .addArgument(new Argument("<shell>", "the shell to complete in").choices(SHELLS))
    .addHelpText("after", HELP)
    .action(async (shell) => {
      const root = await completions(cli, commands);
      await cli.out(printed(() => root.setup("gc-usage", "gc-usage", shell)).join("\n"));
    });
}

const HELP = `
Add the line for your shell to its start-up file. Bash needs the package
bash-completion; in zsh, the line goes after compinit.

Examples:
  source <(gc-usage completion bash)
  source <(gc-usage completion zsh)
  gc-usage completion fish | source
  gc-usage completion powershell | Out-String | Invoke-Expression`;

/** What the library prints, a line each: it writes to the console by itself. */
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

/** What the library calls its own command, which does not speak our way. */
const OWN = "completions";

/** Every command with its options and arguments, and the values that they take. */
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
    for (const { name, title } of list()) complete(name, title);
  });
  return root;
}

/** The values of options whose parser knows them all (options.ts); the library itself finds those of `choices`. */
function addValues(root: RootCommand, command: AnyCommand): void {
  for (const { long, description, parseArg } of command.options) {
    if (!parseArg || !("values" in parseArg) || !Array.isArray(parseArg.values)) continue;
    const values: unknown[] = parseArg.values;
    root.commands.get(command.name())?.option(long?.slice(2) ?? "", description, (complete) => {
      for (const value of values) complete(String(value), "");
    });
  }
}
