import { access, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { checkValues, type Job, type ScheduleFormat } from "../environment/schedule/job.ts";
import type { Machine } from "../environment/schedule/scheduler.ts";
import { connectionSettings, loadSettingsList, storeKind, type Variables } from "../index.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { registerSecrets } from "../support/known-secrets.ts";
import { quoted } from "../support/printable.ts";
import { shellWord } from "../support/quote.ts";
import { secrets } from "../support/redact.ts";
import { reasonOf } from "../support/system-reason.ts";
import type { Cli } from "./cli.ts";
import { type ConnectionOptions, connectionOf } from "./connection.ts";
import { type LakeFlags, lakeFlags, lakeOf } from "./lake-options.ts";
import { metricsDestination } from "./metrics-destination.ts";
import { checkPrivate } from "./private-file.ts";
import { version } from "./version.ts";

/** What `gc-usage schedule` was asked for. */
export type ScheduleFlags = LakeFlags &
  ConnectionOptions & {
    readonly at: { readonly hour: number; readonly minute: number };
    readonly utc?: true | undefined;
    readonly jitter?: number | undefined;
    readonly variablesFile?: string | undefined;
    readonly log?: string | undefined;
    readonly rules?: string | undefined;
    readonly snsTopic?: string | undefined;
    readonly metrics?: string | undefined;
    readonly keepSource?: true | undefined;
  };

/** The options that are passed on to the command that the job runs, with the names that they have there. */
const PASSED = [
  ["region", "--region"],
  ["clientId", "--client-id"],
  ["clientSecretFile", "--client-secret-file"],
  ["accessTokenFile", "--access-token-file"],
  ["profile", "--profile"],
  ["awsProfile", "--aws-profile"],
  ["awsRegion", "--aws-region"],
  ["rules", "--rules"],
  ["snsTopic", "--sns-topic"],
  ["metrics", "--metrics"],
] as const;
const FILES: readonly string[] = ["clientSecretFile", "accessTokenFile", "rules", "metrics"];
/** In a repository, these are paths in it. */
const IN_REPOSITORY: readonly string[] = ["rules", "metrics"];

/**
 * The job that the options describe, with absolute paths: schedulers run it in another folder.
 *
 * @throws {GcUsageError} input, for what cannot be scheduled, or if a value may be a secret.
 */
export async function jobOf(
  cli: Cli,
  name: string,
  format: ScheduleFormat,
  flags: ScheduleFlags,
  machine: Machine,
): Promise<Job> {
  const isGithub = format === "github";
  if (flags.metrics === "-") await metricsDestination(flags.metrics);
  const lake = await lakeWords(cli, flags, isGithub);
  const log = isGithub ? "" : resolve(flags.log ?? defaultLog(name, machine));
  const passed = PASSED.flatMap(([key, option]) => {
    const value = flags[key];
    if (value === undefined) return [];
    if (FILES.includes(key) && value === "-") throw noInput(option);
    if (FILES.includes(key) && isGithub && !IN_REPOSITORY.includes(key)) throw onlySecrets(option);
    if (isGithub && (key === "profile" || key === "awsProfile")) throw onlySecrets(option);
    refuseSecret(value, option);
    return [option, FILES.includes(key) && !isGithub ? resolve(value) : value];
  });
  if (isGithub && flags.variablesFile !== undefined) throw onlySecrets("--variables-file");
  const bin = fileURLToPath(new URL("bin.js", import.meta.url));
  const variablesFile = flags.variablesFile === undefined ? undefined : resolve(flags.variablesFile);
  const job: Job = {
    name,
    // A workflow is in a repository: it contains no paths of this machine.
    program: isGithub ? "" : process.execPath,
    launch: isGithub ? [] : [...(variablesFile === undefined ? [] : [`--env-file=${variablesFile}`]), bin],
    command: [
      "nightly",
      "--quiet",
      ...lake,
      ...passed,
      ...(flags.keepSource ? ["--keep-source"] : []),
      ...(isGithub ? [] : ["--log", log]),
    ],
    version: version(),
    // Node.js reads it only at its start, so a file of variables cannot set it.
    variables: isGithub ? {} : certificates(cli.env),
    hour: flags.at.hour,
    minute: flags.at.minute,
    // GitHub's schedules are in UTC.
    isUtc: flags.utc === true || isGithub,
    jitterMinutes: Math.ceil((flags.jitter ?? 0) / 60_000),
    lake: lake.join(" "),
    log,
    credentials: credentialsText(flags, variablesFile, isGithub),
  };
  checkValues(job);
  return job;
}

async function lakeWords(cli: Cli, flags: ScheduleFlags, isGithub: boolean): Promise<string[]> {
  if (flags.stack !== undefined) {
    refuseSecret(flags.stack, "--stack");
    return ["--stack", flags.stack];
  }
  const uri = await lakeOf(cli, lakeFlags(flags)).location();
  const { isLocal } = storeKind(uri);
  if (isLocal && isGithub) {
    throw new GcUsageError(
      "input",
      `The lake ${uri} is a folder of this machine, which GitHub Actions cannot use.`,
      {
        hint: "Use a lake on S3: --stack gc-usage, or --lake s3://bucket/prefix. To copy one: gc-usage copy.",
      },
    );
  }
  return ["--lake", isLocal ? resolve(uri) : uri];
}

function credentialsText(flags: ScheduleFlags, variablesFile: string | undefined, isGithub: boolean): string {
  if (isGithub) return "the repository's secrets";
  const { profile, clientSecretFile, accessTokenFile } = flags;
  const file = clientSecretFile ?? accessTokenFile;
  const own =
    file === undefined ? `profile ${profile ?? "DEFAULT"} of ~/.gc/config.toml` : `file ${resolve(file)}`;
  return variablesFile === undefined ? own : `file ${variablesFile}, mode 600; else ${own}`;
}

function certificates(env: Variables): Record<string, string> {
  const file = env["NODE_EXTRA_CA_CERTS"];
  return file ? { NODE_EXTRA_CA_CERTS: resolve(file) } : {};
}

/** A value of the job's definition, which others can read. @throws {GcUsageError} input */
function refuseSecret(value: string, option: string): void {
  if (secrets.redact(value) === value) return;
  throw new GcUsageError(
    "input",
    `The value of ${option} looks like a secret, or contains one. Nothing was written.`,
    {
      hint: "A job's definition must not contain secrets: put them into a file of variables that only you can read, and add --variables-file.",
    },
  );
}

function noInput(option: string): GcUsageError {
  return new GcUsageError("input", `A scheduled job has no standard input: ${option} - cannot work.`, {
    hint: `Give a file that only you can read: ${option} FILE`,
  });
}

function onlySecrets(option: string): GcUsageError {
  return new GcUsageError(
    "input",
    `${option} names something on this machine, which GitHub Actions cannot use.`,
    {
      hint: "Omit it. The workflow uses the repository's secrets and variables.",
    },
  );
}

/** Where the logs of this system are. */
function defaultLog(name: string, { env, home }: Machine): string {
  if (process.platform === "darwin") return join(home, "Library", "Logs", "gc-usage", `${name}.log`);
  if (process.platform === "win32")
    return join(env["LOCALAPPDATA"] ?? join(home, "AppData", "Local"), "gc-usage", `${name}.log`);
  return join(env["XDG_STATE_HOME"] || join(home, ".local", "state"), "gc-usage", `${name}.log`);
}

/**
 * What would keep the job from working: a lake without data, no credentials, a file that others can read.
 *
 * @throws {GcUsageError} the first of them.
 */
export async function checkJob(cli: Cli, flags: ScheduleFlags, machine: Machine): Promise<void> {
  const variables = await jobVariables(flags, machine);
  await checkConnection(cli, flags, variables);
  for (const file of [flags.rules, process.execPath]) {
    if (file !== undefined) await access(file);
  }
  if (flags.metrics !== undefined) await metricsDestination(flags.metrics);
  if (flags.stack !== undefined) return;
  const lake = lakeOf(cli, lakeFlags(flags));
  const uri = await lake.location();
  if (!storeKind(uri).isLocal) return;
  if ((await lake.series()).length > 0) return;
  throw new GcUsageError("lake", `The lake ${uri} is empty, so the job would have nothing to sync.`, {
    hint: "Run `gc-usage sync` once, with the grouping and granularity that you want.",
  });
}

/** The variables that the job will have: those of the file, but none of this shell. */
async function jobVariables({ variablesFile }: ScheduleFlags, { env, home }: Machine): Promise<Variables> {
  const own = { HOME: home, USERPROFILE: env["USERPROFILE"], PATH: env["PATH"] };
  if (variablesFile === undefined) return own;
  const text = await readFile(variablesFile, "utf8").catch((error: unknown) => {
    throw new GcUsageError(
      "input",
      `Cannot read ${quoted(variablesFile)} (from --variables-file): ${reasonOf(error)}.`,
      {
        hint: `Write your variables into it, for example:\n${writeVariables(variablesFile)}`,
      },
    );
  });
  await checkPrivate(variablesFile);
  const set = parseEnv(text);
  registerSecrets(set);
  return { ...own, ...set };
}

async function checkConnection(cli: Cli, flags: ScheduleFlags, variables: Variables): Promise<void> {
  const connection = connectionOf(cli, flags);
  try {
    await connectionSettings(connection, variables);
  } catch (error) {
    if (!isGcUsageError(error)) throw error;
    const hasHere = Object.keys(cli.env).some((name) => name.startsWith("GENESYSCLOUD_"));
    throw new GcUsageError(error.kind, `The job would not find its settings. ${error.message}`, {
      hint: hasHere
        ? `A scheduled job does not have the variables of this shell. Write them to a file that only you can read, then add --variables-file ${VARIABLES_FILE}:\n${writeVariables(VARIABLES_FILE)}`
        : (error.hint ?? "Set them in a file, and add --variables-file."),
      details: error.details,
      cause: error,
    });
  }
}

const VARIABLES_FILE = "~/.config/gc-usage/variables";

/** The command that writes this shell's settings to a file, without showing them. */
function writeVariables(path: string): string {
  const file = path.startsWith("~") ? path : shellWord(path);
  return process.platform === "win32"
    ? `Get-ChildItem Env: | Where-Object Name -match '^(GENESYSCLOUD|AWS|GC_USAGE)_' | ForEach-Object { "$($_.Name)=$($_.Value)" } | Set-Content "${path}"`
    : `mkdir -p "$(dirname ${file})" && (umask 077 && env | grep -E '^(GENESYSCLOUD|AWS|GC_USAGE)_' > ${file})`;
}

/** Settings of this shell that the job will not have. */
export async function missedVariables(
  cli: Cli,
  flags: ScheduleFlags,
  job: Job,
  machine: Machine,
): Promise<string[]> {
  const { settingVariables } = await loadSettingsList();
  const has = { ...(await jobVariables(flags, machine).catch(() => ({}))), ...job.variables };
  // The lake is in the command. These are about a terminal, or the machine's own.
  const without = new Set([
    "GC_USAGE_LAKE",
    "TMPDIR",
    "TMP",
    "TEMP",
    "NO_COLOR",
    "FORCE_COLOR",
    "XDG_CACHE_HOME",
  ]);
  return settingVariables().filter((name) => cli.env[name] && !(name in has) && !without.has(name));
}
