import {
  Command,
  CommanderError,
  type CommandUnknownOpts,
  type OutputConfiguration,
} from "@commander-js/extra-typings";
import { mfa } from "../environment/aws-sign-in.ts";
import { realEffects } from "../support/effects.ts";
import { EXIT_CODES, GcUsageError, isGcUsageError, messageOf } from "../support/errors.ts";
import { registerSecrets } from "../support/known-secrets.ts";
import { secrets } from "../support/redact.ts";
import { type Cli, createCli, ReaderGone } from "./cli.ts";
import { onErr } from "./colors.ts";
import { explained, withAwsHint, withoutHelpCommand } from "./command-line.ts";
import { COMMANDS } from "./commands.ts";
import { knownError } from "./known-error.ts";
import { version } from "./version.ts";

/** Runs this process's command line and ends the process with its exit code. */
export async function run(): Promise<void> {
  // The AWS SDK would print a warning on Node 20 that its future versions need a later Node.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  const code = await main(process.argv.slice(2));
  process.exitCode = code;
  if (code === EXIT_CODES.interrupted) await endSoon();
}

/** An interrupted process must not wait for pending reads, such as a terminal that nobody types on. */
async function endSoon(): Promise<never> {
  for (let waited = 0; hasCalls() && waited < 1000; waited += 10) await realEffects.sleep(10);
  return endNow("SIGINT");
}

/** Runs one command line and returns its exit code. The only place that maps errors to exit codes. */
export async function main(argv: readonly string[]): Promise<number> {
  secrets.clear();
  registerSecrets(process.env, argv);
  const flags = new Set(argv);
  const debug = flags.has("--debug");
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) endNow(signal);
    process.stderr.write("\nStopping. Press Ctrl-C again to stop at once.\n");
    stop.abort(new GcUsageError("interrupted", "Interrupted."));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const cli = await createCli({
    debug,
    quiet: flags.has("--quiet") || flags.has("-q"),
    signal: stop.signal,
    argv,
  });
  mfa.ask = process.stdin.isTTY
    ? async (question) => (await import("./confirm.ts")).ask(cli, question)
    : undefined;
  // Failures that no command awaits: an event of a stream, a promise without a handler.
  const onStray = (error: unknown): void => process.exit(report(cli, error, argv));
  process.on("uncaughtException", onStray);
  process.on("unhandledRejection", onStray);
  try {
    return await runCommand(cli, argv);
  } catch (error) {
    cli.progressDone();
    return error instanceof ReaderGone ? 0 : report(cli, error, argv);
  } finally {
    process.off("uncaughtException", onStray);
    process.off("unhandledRejection", onStray);
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

async function runCommand(cli: Cli, argv: readonly string[]): Promise<number> {
  const help: string[] = [];
  const program = await buildProgram(cli, argv, help);
  try {
    await program.parseAsync(upToUnknownCommand(withoutHelpCommand(argv, program)), { from: "user" });
  } catch (error) {
    if (isGcUsageError(error)) throw withAwsHint(error, program, argv);
    if (!isHelp(error)) throw error instanceof CommanderError ? explained(error, program, argv) : error;
  }
  if (help.length > 0) await cli.out(help.join(""));
  cli.progressDone();
  return 0;
}

/** True while a file system call is running: nothing can stop it, and `process.exit` waits for it. */
function hasCalls(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith("FSReq"));
}

/** Ends the process at once; with the signal itself if `process.exit` might have to wait. */
function endNow(signal: NodeJS.Signals): never {
  if (hasCalls()) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  process.exit(EXIT_CODES.interrupted);
}

/** The program with all commands listed and only the requested one loaded. Help text is collected in `help`. */
async function buildProgram(cli: Cli, argv: readonly string[], help: string[]): Promise<Command> {
  // `report` prints errors. Help that is shown because no command was given is regular output.
  const output = {
    outputError: () => {},
    writeOut: (text: string) => void help.push(text),
    writeErr: (text: string) => void help.push(text),
  };
  const program = new Command("gc-usage")
    .description("Who is using your Genesys Cloud API, how much, and where are you being rate limited?")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help for a command")
    .helpCommand("help [command]", "show help for a command")
    .option("--debug", "show each step and full error traces, without secrets")
    .option("-q, --quiet", "print only data, warnings and errors")
    .showSuggestionAfterError(false)
    // Otherwise a command with subcommands, such as check, would take their options as its own.
    .enablePositionalOptions()
    .configureOutput(output)
    .exitOverride()
    .addHelpText("after", HELP_FOOT);
  const wanted = wantedCommand(argv);
  for (const { name, summary, load, hidden = false } of COMMANDS) {
    if (name === wanted) {
      const command = (await load()).command(cli, COMMANDS).summary(summary);
      inherit(command, output);
      program.addCommand(command, { hidden });
    } else {
      program.command(name, { hidden }).summary(summary).description(summary);
    }
  }
  return program;
}

function wantedCommand(argv: readonly string[]): string | undefined {
  const named = argv.find((word) => !word.startsWith("-"));
  return named === "help" ? argv[argv.indexOf("help") + 1] : named;
}

/** Drops what surrounds an unknown command (its options, or `help`), so that the error names the command. */
function upToUnknownCommand(argv: readonly string[]): string[] {
  const wanted = wantedCommand(argv);
  if (wanted === undefined || wanted.startsWith("-") || COMMANDS.some(({ name }) => name === wanted))
    return [...argv];
  return argv.slice(0, argv.indexOf(wanted) + 1).filter((word) => word !== "help");
}

/** Every command accepts the global flags, in any position, and leaves exiting to `main`. */
function inherit(command: CommandUnknownOpts, output: OutputConfiguration): void {
  command.helpOption("-h, --help", "show this help").exitOverride().configureOutput(output);
  command
    .showSuggestionAfterError(false)
    .option("--debug", "show each step and full error traces, without secrets")
    .option("-q, --quiet", "print only data, warnings and errors");
  for (const child of command.commands) inherit(child, output);
}

export const HELP_FOOT = `
Start with \`gc-usage demo\`: it needs no account.

Exit codes: 0 done, 1 bug, 2 bad input, 3 credentials, 4 permission,
5 service or network, 6 query failed, 7 timed out, 8 refused to protect data,
9 lake, 10 SQL, 11 AWS, 12 incomplete or too old, 13 findings,
130 interrupted.`;

function report(cli: Cli, error: unknown, argv: readonly string[]): number {
  const json = argv.includes("--json");
  const known = knownError(error, cli.signal);
  if (isGcUsageError(known)) {
    if (json) cli.note(JSON.stringify({ error: errorJson(known) }));
    else {
      cli.note(`${onErr.red("error:")} ${known.message}`);
      if (known.hint) cli.note(known.hint);
      if (cli.debug) cli.note(trace(known));
    }
    return EXIT_CODES[known.kind];
  }
  cli.note(`${onErr.red("error:")} ${messageOf(error)}`);
  cli.note(
    cli.debug
      ? trace(error)
      : "This is a bug in gc-usage. Run the command again with --debug and report its output.",
  );
  return 1;
}

function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && (error.exitCode === 0 || error.code === "commander.help");
}

function errorJson(error: GcUsageError): Record<string, unknown> {
  return {
    kind: error.kind,
    exitCode: EXIT_CODES[error.kind],
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...error.details,
  };
}

function trace(error: unknown): string {
  const lines: string[] = [];
  for (
    let cause: unknown = error, depth = 0;
    cause instanceof Error && depth < 8;
    cause = cause.cause, depth++
  ) {
    lines.push(cause.stack ?? cause.message);
  }
  return secrets.redact(lines.join("\ncaused by: "));
}
