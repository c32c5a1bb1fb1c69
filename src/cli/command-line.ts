import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { GcUsageError } from "../support/errors.ts";
import { didYouMean, meant } from "../support/nearest.ts";

/** What commander does not do: help of a nested command, and our own suggestions in its errors. */

/** `aws deploy --help` for `help aws deploy` and `aws help deploy`. Other command lines are returned unchanged. */
export function withoutHelpCommand(argv: readonly string[], program: CommandUnknownOpts): string[] {
  const words = argv.filter((word) => !word.startsWith("-"));
  const at = words.indexOf("help");
  // A word after an option may be its value.
  const before = at < 0 || argv.indexOf("help") !== at ? undefined : commandAt(program, words.slice(0, at));
  if (before === undefined || before.rest.length > 0 || before.command.commands.length === 0)
    return [...argv];
  const named = words.slice(at + 1).filter((word) => word !== "help");
  const { command, rest } = commandAt(before.command, named);
  const [unknown] = rest;
  if (unknown !== undefined) throw unknownCommand(unknown, command);
  return [...words.slice(0, at), ...named, "--help"];
}

/** The deepest command that the words name, and the words after it. */
function commandAt(
  program: CommandUnknownOpts,
  words: readonly string[],
): { command: CommandUnknownOpts; rest: readonly string[] } {
  let command = program;
  for (const [i, word] of words.entries()) {
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) return { command, rest: words.slice(i) };
    command = next;
  }
  return { command, rest: [] };
}

function unknownCommand(word: string, parent: CommandUnknownOpts): GcUsageError {
  return invalid(`unknown command '${word}'`, parent, didYouMean(word, namesOf(parent)));
}

/** An error of commander as one of ours, with the names that the user may have meant. */
export function explained(
  error: CommanderError,
  program: CommandUnknownOpts,
  argv: readonly string[],
): GcUsageError {
  const words = argv.filter((word) => !word.startsWith("-"));
  const { command } = commandAt(program, words);
  const message = error.message.replace(/^error: /, "");
  const [, word = ""] = /'([^']*)'/.exec(message) ?? [];
  switch (error.code) {
    case "commander.unknownCommand":
      return unknownCommand(word, command);
    case "commander.unknownOption":
      return invalid(
        message,
        command,
        word.startsWith("--") ? flagMeant(word, flagsOf(command, program)) : undefined,
      );
    case "commander.invalidArgument": {
      const [, given] = /argument '([^']*)' is invalid/.exec(message) ?? [];
      const option = command.options.find(({ flags }) => flags === word);
      return invalid(message, command, didYouMean(given ?? "", option?.argChoices ?? []));
    }
    default:
      return invalid(message, command, undefined);
  }
}

/** For `--profile` and `--region`, which the AWS CLI has, commands without Genesys Cloud's own have the AWS ones. */
function flagMeant(word: string, flags: readonly string[]): string | undefined {
  const ofAws = word.replace(/^--/, "--aws-");
  return flags.includes(ofAws) ? meant([ofAws]) : didYouMean(word, flags);
}

/** `--profile` of a command that signs in twice is Genesys Cloud's: a missing one may be meant for AWS. */
export function withAwsHint(error: GcUsageError, program: CommandUnknownOpts, argv: readonly string[]) {
  if (error.kind !== "input" || !error.message.includes("(from --profile)")) return error;
  const { command } = commandAt(
    program,
    argv.filter((word) => !word.startsWith("-")),
  );
  if (!flagsOf(command).includes("--aws-profile")) return error;
  const hint = `${error.hint ?? ""} --profile is for Genesys Cloud: for AWS, use --aws-profile.`.trimStart();
  return new GcUsageError(error.kind, error.message, { hint, details: error.details, cause: error });
}

function invalid(message: string, command: CommandUnknownOpts, meant: string | undefined): GcUsageError {
  const see = `See \`${pathOf(command)} --help\`.`;
  return new GcUsageError("input", message, { hint: meant === undefined ? see : `${meant} ${see}` });
}

function pathOf(command: CommandUnknownOpts): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function namesOf(command: CommandUnknownOpts): string[] {
  const shown = command.createHelp().visibleCommands(command);
  return shown.map((child) => child.name());
}

function flagsOf(...commands: CommandUnknownOpts[]): string[] {
  const options = commands.flatMap((command) => command.options).filter(({ hidden }) => !hidden);
  return [...options.flatMap(({ long }) => long ?? []), "--help"];
}
