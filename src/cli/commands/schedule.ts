import { Command, Option } from "@commander-js/extra-typings";
import { homeFolder } from "../../environment/home.ts";
import { type Job, SCHEDULE_FORMATS, type ScheduleFormat, timeText } from "../../environment/schedule/job.ts";
import type { InstalledJob, Machine } from "../../environment/schedule/scheduler.ts";
import { findJobs, schedulerOf, usualFormat } from "../../environment/schedule/schedulers.ts";
import { GcUsageError, isGcUsageError } from "../../support/errors.ts";
import { secrets } from "../../support/redact.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions } from "../connection.ts";
import { addLakeOptions } from "../lake-options.ts";
import { durationOption, jobNameOption, timeOfDayOption } from "../options.ts";
import { checkJob, jobOf, missedVariables, type ScheduleFlags } from "../schedule-job.ts";
import { statusJson, statusOf, statusText } from "../schedule-status.ts";

export function command(cli: Cli) {
  const schedule = new Command("schedule")
    .description(
      "Print the job that syncs and checks the lake every night, or install it. The file contains no secrets.",
    )
    .addOption(formatOption("format (default: that of this machine)"))
    .addOption(
      new Option("--at <time>", "time of day, HH:MM")
        .argParser(timeOfDayOption)
        .default({ hour: 3, minute: 15 }, "03:15"),
    )
    .option("--utc", "the time is UTC, not local time; always true for github")
    .option(
      "--jitter <time>",
      "delay the start by up to this long, at random, for example 30m",
      durationOption("--jitter"),
    )
    .option("--name <name>", "name of the job, for several on one machine (default: gc-usage)", jobNameOption)
    .option(
      "--variables-file <file>",
      "file with a variable per line, NAME=VALUE, for the job; only you may be able to read it",
    )
    .option("--log <file>", "log file (default: in your home folder)")
    .option("--rules <file>", "YAML or JSON file with rules for the check (default: the built-in rules)")
    .option("--metrics <file>", "after each run, replace this file with metrics: see gc-usage metrics")
    .option("--sns-topic <arn>", "send news to this topic of Amazon SNS")
    .addOption(new Option("--webhook <url>", "refused: the address is a secret").hideHelp())
    .option("--keep-source", "also store the raw rows of each slice under gc_usage_api_source/")
    .option("--install", "install the job, or replace it");
  const added = addConnectionOptions(addLakeOptions(schedule))
    .addHelpText("after", HELP)
    .action(async ({ for: format, name = DEFAULT_NAME, install, webhook, ...flags }) => {
      if (webhook !== undefined) throw secretAddress();
      const machine = thisMachine(cli);
      const chosen = format ?? (await usualFormat(machine));
      const job = await jobOf(cli, name, chosen, flags, machine);
      const text = schedulerOf(chosen).print(job, machine);
      refuseSecrets(text);
      if (install) await installJob(cli, chosen, job, flags, machine);
      else await printJob(cli, chosen, text, job, flags, machine);
    });
  // Otherwise `schedule` would take the options of its subcommands as its own.
  return added.enablePositionalOptions().addCommand(statusCommand(cli)).addCommand(removeCommand(cli));
}

const HELP = `
The job runs gc-usage nightly, which syncs every series of the lake and then
checks it. The formats are a timer and a service of your own systemd, a crontab
line, a launch agent of macOS, a task of Windows, and a workflow of GitHub
Actions.

A scheduled job does not have the variables of your shell. It finds credentials
in your profile of the gc CLI, in --client-secret-file, or in --variables-file.

Examples:
  gc-usage schedule --lake /data/usage-lake
  gc-usage schedule --install --at 04:30 --variables-file ~/.config/gc-usage/variables
  gc-usage schedule --for cron --lake s3://bucket/lake --profile emea
  gc-usage schedule --for github --stack gc-usage --at 03:15 --install
  gc-usage schedule status
  gc-usage schedule remove`;

const DEFAULT_NAME = "gc-usage";

function formatOption(text: string) {
  return new Option("--for <format>", text).choices(SCHEDULE_FORMATS);
}

function addJobOptions(command: Command) {
  return command
    .addOption(formatOption("format (default: all that can be here)"))
    .option("--name <name>", "name of the job (default: gc-usage)", jobNameOption);
}

function statusCommand(cli: Cli) {
  return addJobOptions(
    new Command("status")
      .summary("Show whether the job is installed, and its last and next run")
      .description(
        "Show whether the job is installed, when it ran last and with which exit code, and when it runs next: from its log, and from the scheduler.",
      ),
  )
    .option("--json", "print the status as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage schedule status\n  gc-usage schedule status --name emea --json",
    )
    .action(async ({ for: format, name = DEFAULT_NAME, json }) => {
      const found = await findJobs(name, format, thisMachine(cli));
      const all = await Promise.all(found.map(statusOf));
      if (json) await cli.json({ jobs: all.map(statusJson) });
      else if (all.length > 0) await cli.out(all.map(statusText).join("\n"));
      if (all.length === 0) throw notInstalled(name, format);
    });
}

function removeCommand(cli: Cli) {
  return addJobOptions(
    new Command("remove").summary("Remove the job").description("Remove the job. The lake and the log stay."),
  )
    .addHelpText("after", "\nExamples:\n  gc-usage schedule remove\n  gc-usage schedule remove --for cron")
    .action(async ({ for: format, name = DEFAULT_NAME }) => {
      const machine = thisMachine(cli);
      const found = await findJobs(name, format, machine);
      if (found.length === 0) throw notInstalled(name, format);
      for (const job of found) {
        await schedulerOf(job.format).remove(name, machine);
        cli.log.info(`Removed: ${whereText(job)}`);
      }
    });
}

/** @throws {GcUsageError} input, without a home folder. */
function thisMachine(cli: Cli): Machine {
  const home = homeFolder(cli.env);
  if (home !== undefined) return { env: cli.env, home, folder: process.cwd() };
  throw new GcUsageError("input", "No home folder is set, so there is no place for a job.", {
    hint: "Set HOME to your home folder.",
  });
}

async function printJob(
  cli: Cli,
  format: ScheduleFormat,
  text: string,
  job: Job,
  flags: ScheduleFlags,
  machine: Machine,
): Promise<void> {
  await cli.out(text);
  if (format === "github") return;
  try {
    await checkJob(cli, flags, machine);
  } catch (error) {
    if (!isGcUsageError(error)) throw error;
    cli.log.warn([error.message, error.hint].filter(Boolean).join(" "));
  }
  await warnOfMissed(cli, flags, job, machine);
  cli.log.info(`Every day at ${timeText(job)}. To install it, add --install.`);
}

async function installJob(
  cli: Cli,
  format: ScheduleFormat,
  job: Job,
  flags: ScheduleFlags,
  machine: Machine,
): Promise<void> {
  if (format !== "github") await checkJob(cli, flags, machine);
  refuseOthers(format, job, await findJobs(job.name, undefined, machine));
  const notes = await schedulerOf(format).install(job, machine);
  if (format !== "github") await warnOfMissed(cli, flags, job, machine);
  const [installed] = await findJobs(job.name, format, machine);
  cli.log.info(
    `Installed: ${installed ? whereText(installed) : format}. It runs every day at ${timeText(job)}${format === "github" ? "" : `. Log: ${job.log}`}`,
  );
  for (const note of notes) cli.log.info(note);
}

/** A job is replaced only by one for the same lake, and only in the same scheduler: otherwise both would run. */
function refuseOthers(format: ScheduleFormat, job: Job, found: readonly InstalledJob[]): void {
  for (const other of found) {
    const isElsewhere = other.format !== format;
    if (!isElsewhere && (other.job === undefined || other.job.lake === job.lake)) continue;
    const what = isElsewhere ? "" : ` for another lake (${other.job?.lake ?? ""})`;
    const name = job.name === DEFAULT_NAME ? "" : ` --name ${job.name.slice(DEFAULT_NAME.length + 1)}`;
    throw new GcUsageError(
      "refused",
      `A job ${job.name} is already installed${what}: ${whereText(other)}. Nothing was changed.`,
      {
        hint: `To replace it, run \`gc-usage schedule remove --for ${other.format}${name}\` first. To have both, add --name NAME.`,
      },
    );
  }
}

async function warnOfMissed(cli: Cli, flags: ScheduleFlags, job: Job, machine: Machine): Promise<void> {
  const missed = await missedVariables(cli, flags, job, machine);
  if (missed.length === 0) return;
  cli.log.warn(
    `The job does not have these variables of your shell: ${missed.join(", ")}. If it needs them, write them into the file of --variables-file.`,
  );
}

/** @throws {GcUsageError} input, if the definition contains a known secret. */
function refuseSecrets(text: string): void {
  if (secrets.redactData(text) === text) return;
  throw new GcUsageError(
    "input",
    "The job's definition would contain a secret of your environment. Nothing was written.",
    {
      hint: "Use file names, names of lakes and options without secrets.",
    },
  );
}

function secretAddress(): GcUsageError {
  return new GcUsageError(
    "input",
    "The address of a webhook is a secret, so it cannot be in a job's definition.",
    {
      hint: "Write GC_USAGE_WEBHOOK=ADDRESS into the file of --variables-file. In GitHub Actions, use the repository's secret GC_USAGE_WEBHOOK.",
    },
  );
}

function notInstalled(name: string, format: ScheduleFormat | undefined): GcUsageError {
  return new GcUsageError(
    "input",
    `No job ${name} is installed${format === undefined ? "" : ` for ${format}`}.`,
    {
      hint: "Install it with `gc-usage schedule --install`. For a job with another name, add --name.",
    },
  );
}

function whereText({ format, where }: InstalledJob): string {
  return `${format}, ${where}`;
}
