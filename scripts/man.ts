import { mkdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { createCli } from "../src/cli/cli.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { HELP_FOOT } from "../src/cli/main.ts";

/** The man page, from the same source as `--help`. `npm ci` and `npm pack` write it. */
export async function manPage(): Promise<string> {
  const cli = await createCli({ debug: false, quiet: true, signal: new AbortController().signal });
  const sections: string[] = [];
  for (const { load, hidden } of COMMANDS) {
    if (!hidden) sections.push(...sectionsOf((await load()).command(cli, COMMANDS), "gc-usage"));
  }
  return `.TH GC-USAGE 1
.SH NAME
gc\\-usage \\- who is using your Genesys Cloud API, how much, and where you are rate limited
.SH SYNOPSIS
.B gc\\-usage
.I command
.RI [ options ]
.SH COMMANDS
${sections.join("")}.SH OPTIONS OF EVERY COMMAND
.TP
\\fB\\-\\-debug\\fR
show each step and full error traces, without secrets
.TP
\\fB\\-q\\fR, \\fB\\-\\-quiet\\fR
print only data, warnings and errors
.SH EXIT STATUS
.nf
${roff(HELP_FOOT.slice(HELP_FOOT.indexOf("Exit codes")))}
.fi
`;
}

function sectionsOf(command: CommandUnknownOpts, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  const options = command.options.filter(({ hidden }) => !hidden);
  const given = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  const own = [
    `.SS ${roff([name, ...given].join(" "))}\n`,
    `${roff(command.description())}\n`,
    ...options.map(({ flags, description }) => `.TP\n\\fB${roff(flags)}\\fR\n${roff(description)}\n`),
  ];
  return [own.join(""), ...command.commands.flatMap((child) => sectionsOf(child, name))];
}

/** Escapes text for roff: backslashes, hyphens, and dots and quotes at the start of a line. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(['.])/gm, "\\&$1");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const folder = new URL("../man/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("gc-usage.1", folder), await manPage());
}
