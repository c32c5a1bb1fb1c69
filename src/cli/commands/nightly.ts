import { Command } from "@commander-js/extra-typings";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError, isGcUsageError, messageOf } from "../../support/errors.ts";
import { runCheck } from "../check-run.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions, type ConnectionOptions } from "../connection.ts";
import type { DestinationFlags } from "../destinations.ts";
import { exitCodeOf, knownError } from "../known-error.ts";
import { addLakeOptions, type LakeFlags, lakeFlags, lakeOf } from "../lake-options.ts";
import { metricsDestination } from "../metrics-destination.ts";
import { durationOption, webhookFormatOption } from "../options.ts";
import { checkPrivate } from "../private-file.ts";
import { logged, RunLog } from "../run-log.ts";
import { runAll } from "../sync-runs.ts";
import { version } from "../version.ts";

export function command(cli: Cli) {
  const nightly = new Command("nightly")
    .description(
      "Sync every series in the lake, then check it and report what is new: for a scheduler. The check runs even if the " +
        "sync has failed. One run at a time: a second one ends with exit code 9.",
    )
    .option("--rules <file>", "YAML or JSON file with rules for the check (default: the built-in rules)")
    .option("--webhook <url>", "send news to this address, once for each (default: GC_USAGE_WEBHOOK)")
    .option("--webhook-format <name>", "what to send (default: by the host, else json)", webhookFormatOption)
    .option("--sns-topic <arn>", "send news to this topic of Amazon SNS")
    .option("--keep-source", "also store the raw rows of each slice under gc_usage_api_source/")
    .option("--log <file>", "also write everything to this file, with times and exit codes")
    .option(
      "--metrics <file>",
      "then replace this file with metrics, also about a run that has failed: see gc-usage metrics",
    )
    .option("--jitter <time>", "wait up to this long before starting, at random", durationOption("--jitter"));
  return addConnectionOptions(addLakeOptions(nightly))
    .addHelpText("after", HELP)
    .action(async (options) => {
      await checkEnvFiles();
      if (options.metrics !== undefined) await metricsDestination(options.metrics);
      if (options.jitter !== undefined)
        await realEffects.sleep(realEffects.random() * options.jitter, cli.signal);
      if (options.log === undefined) await runMeasured(cli, options);
      else await runLogged(cli, options, options.log);
    });
}

const HELP = `
The exit code is that of the sync if it has failed (3 credentials, 5 service …),
otherwise that of the check: 13 something is new or worse, 12 days are missing,
5 a message was not delivered, 0 nothing is new. Without news, nothing is
printed with --quiet.

gc-usage schedule prints or installs a nightly job that runs this command.

Examples:
  gc-usage nightly --lake /data/usage-lake --log /var/log/gc-usage.log
  gc-usage nightly --metrics /var/lib/node_exporter/textfile/gc_usage.prom
  gc-usage nightly --stack gc-usage --sns-topic "$TOPIC_ARN"`;

type Flags = LakeFlags &
  ConnectionOptions &
  DestinationFlags & {
    readonly rules?: string | undefined;
    readonly keepSource?: true | undefined;
    readonly metrics?: string | undefined;
  };

/** Writes the run and its exit code to the log, even if it fails. */
async function runLogged(cli: Cli, flags: Flags, path: string): Promise<void> {
  const log = await RunLog.open(path);
  let exitCode = 0;
  try {
    log.begin(version(), lakeText(flags));
    await runMeasured(logged(cli, log), flags);
  } catch (error) {
    exitCode = exitCodeOf(error, cli.signal);
    log.write(errorText(knownError(error, cli.signal)));
    throw error;
  } finally {
    log.end(exitCode);
    const failure = await log.close();
    if (failure !== undefined) cli.log.warn(failure);
  }
}

/** Ends in a file of metrics, even if the run fails: then the file says so. */
async function runMeasured(cli: Cli, flags: Flags): Promise<void> {
  const { metrics } = flags;
  if (metrics === undefined) return await run(cli, flags);
  const startedAt = realEffects.now();
  const write = async (exitCode: number): Promise<void> => {
    const { writeNightlyMetrics } = await import("../nightly-metrics.ts");
    const seconds = (realEffects.now() - startedAt) / 1000;
    await writeNightlyMetrics(cli, metrics, flags, { exitCode, seconds });
  };
  try {
    await run(cli, flags);
  } catch (error) {
    // The run in progress writes its own.
    if (error instanceof OtherRunError) throw error;
    await write(exitCodeOf(error, cli.signal)).catch((also: unknown) => {
      cli.log.warn(`The metrics are incomplete or were not written: ${messageOf(also)}`);
    });
    throw error;
  }
  await write(0);
}

function lakeText({ lake, stack }: LakeFlags): string {
  if (stack !== undefined) return `stack ${stack}`;
  return lake === undefined ? "the default lake" : `lake ${lake}`;
}

async function run(cli: Cli, flags: Flags): Promise<void> {
  const lake = lakeOf(cli, lakeFlags(flags), flags);
  const done = await lake.alone(() => syncAndCheck(cli, flags));
  if (done !== undefined) return;
  throw new OtherRunError();
}

class OtherRunError extends GcUsageError {
  constructor() {
    super("lake", "Another nightly run is in progress on this lake, so this one did nothing.", {
      hint: "Wait for it to finish. If both a timer and a crontab start it, remove one of them: gc-usage schedule status",
    });
  }
}

async function syncAndCheck(cli: Cli, flags: Flags): Promise<void> {
  const { keepSource } = flags;
  const failure = await failureOf(runAll(cli, lakeOf(cli, lakeFlags(flags), flags), { keepSource }, false));
  cli.progressDone();
  cli.signal.throwIfAborted();
  const { rules, webhook, webhookFormat, snsTopic } = flags;
  const check = runCheck(cli, {
    ...lakeFlags(flags),
    rules,
    webhook,
    webhookFormat,
    snsTopic,
    onlyNew: true,
  });
  if (failure === undefined) {
    await check;
    return;
  }
  const also = await failureOf(check);
  // Only one error decides the exit code: that of the sync, because without new data the check covers less.
  if (also !== undefined) cli.note(errorText(also));
  throw failure;
}

async function failureOf(action: Promise<void>): Promise<GcUsageError | undefined> {
  try {
    await action;
    return undefined;
  } catch (error) {
    if (!isGcUsageError(error) || error.kind === "interrupted") throw error;
    return error;
  }
}

function errorText(error: unknown): string {
  const hint = isGcUsageError(error) && error.hint !== undefined ? `\n${error.hint}` : "";
  return `error: ${messageOf(error)}${hint}`;
}

/** @throws {GcUsageError} credentials, if others can read a file of variables that Node.js has loaded. */
async function checkEnvFiles(): Promise<void> {
  for (const option of process.execArgv) {
    const [, file] = /^--env-file(?:-if-exists)?=(.+)$/.exec(option) ?? [];
    if (file !== undefined) await checkPrivate(file);
  }
}
