import { writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { createCli } from "../src/cli/cli.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { HELP_FOOT } from "../src/cli/main.ts";

/** The CLI reference, made of what the commands say of themselves. A test fails where docs/cli.md differs. */
export const REFERENCE = fileURLToPath(new URL("../docs/cli.md", import.meta.url));

const WIDTH = 110;
const LISTED = COMMANDS.filter(({ hidden }) => !hidden);

export async function reference(): Promise<string> {
  const cli = await createCli({ debug: false, quiet: true, signal: new AbortController().signal });
  const sections = [
    "# Commands\n\nWhat `gc-usage COMMAND --help` prints. Made by `npm run docs`; do not edit.\n",
    `${LISTED.map(({ name, summary }) => `- [\`${name}\`](#gc-usage-${name}): ${summary}`).join("\n")}\n`,
    `Every command also takes \`--debug\` and \`-q, --quiet\`.\n${HELP_FOOT}\n`,
  ];
  for (const { load } of LISTED) sections.push(...helpOf((await load()).command(cli, COMMANDS), "gc-usage"));
  return sections.join("\n");
}

function helpOf(command: CommandUnknownOpts, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  let text = "";
  command
    .helpOption("-h, --help", "show this help")
    .configureOutput({
      getOutHelpWidth: () => WIDTH,
      getOutHasColors: () => false,
      writeOut: (piece) => (text += piece),
    })
    .outputHelp();
  const usage = text.replace(/^Usage: .*? \[/, `Usage: ${name} [`).trimEnd();
  return [
    `## ${name}\n\n\`\`\`text\n${usage}\n\`\`\`\n`,
    ...command.commands.flatMap((child) => helpOf(child, name)),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  writeFileSync(REFERENCE, await reference());
