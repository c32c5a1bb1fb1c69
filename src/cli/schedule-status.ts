import { nextStart, timeText } from "../environment/schedule/job.ts";
import type { InstalledJob } from "../environment/schedule/scheduler.ts";
import { realEffects } from "../support/effects.ts";
import { EXIT_CODES } from "../support/errors.ts";
import { type LoggedRun, lastRun } from "./run-log.ts";

/** A job, with its last run. */
export interface JobStatus extends InstalledJob {
  /** From the log; undefined if it has not run yet, or if the log is elsewhere. */
  readonly lastRun: LoggedRun | undefined;
  /** Milliseconds since 1970. */
  readonly nextRun: number | undefined;
}

export async function statusOf(installed: InstalledJob): Promise<JobStatus> {
  const { job, reported, format } = installed;
  const ran = job === undefined || format === "github" ? undefined : await lastRun(job.log);
  const next = reported.nextRun ?? (job && nextStart(job, realEffects.now()));
  return { ...installed, lastRun: ran, nextRun: reported.isActive === false ? undefined : next };
}

export function statusJson({ format, where, job, reported, lastRun: ran, nextRun }: JobStatus) {
  return {
    name: job?.name ?? null,
    format,
    where,
    isActive: reported.isActive ?? null,
    lake: job?.lake ?? null,
    log: job?.log ?? null,
    credentials: job?.credentials ?? null,
    lastRun: ran
      ? { startedAt: ran.startedAt, endedAt: ran.endedAt ?? null, exitCode: ran.exitCode ?? null }
      : null,
    reportedExitCode: reported.exitCode ?? null,
    nextRun: nextRun === undefined ? null : new Date(nextRun).toISOString(),
  };
}

export function statusText(status: JobStatus): string {
  const { format, where, job, reported, nextRun } = status;
  const facts: [string, string][] = [
    ["job", `${job?.name ?? "not readable"} (${format}, ${where})`],
    ...(job === undefined ? [] : jobFacts(job, format)),
    ["last run", lastRunText(status)],
    [
      "next run",
      nextRun === undefined ? nextText(reported.isActive) : shown(new Date(nextRun).toISOString()),
    ],
  ];
  return facts.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join("");
}

function jobFacts(job: NonNullable<InstalledJob["job"]>, format: string): [string, string][] {
  const log: [string, string][] = format === "github" ? [] : [["log", job.log]];
  return [
    ["runs", `every day at ${timeText(job)}`],
    ["lake", job.lake],
    ["credentials", job.credentials],
    ...log,
  ];
}

function nextText(isActive: boolean | undefined): string {
  return isActive === false ? "none: the job is installed, but not active" : "unknown";
}

function lastRunText({ format, lastRun: ran, reported }: JobStatus): string {
  if (format === "github") return "see the Actions tab of the repository";
  if (ran === undefined) {
    // The scheduler has started it, but the program has not come as far as its log.
    return reported.exitCode === undefined || reported.exitCode === 0
      ? "none in the log"
      : `none in the log, but the scheduler reports exit code ${reported.exitCode}`;
  }
  const { startedAt, endedAt, exitCode } = ran;
  if (endedAt === undefined || exitCode === undefined)
    return `${shown(startedAt)}: it is running, or was ended from outside`;
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return `${shown(startedAt)}: exit code ${exitCode} (${meaningOf(exitCode)}), ${seconds.toFixed(0)} s`;
}

const MEANINGS: Readonly<Record<string, string>> = {
  incomplete: "days are missing",
  fired: "new findings",
  credentials: "credentials",
  permission: "permission",
  service: "service or network",
};

function meaningOf(exitCode: number): string {
  if (exitCode === 0) return "nothing new";
  const [kind = "a bug"] = Object.entries(EXIT_CODES).find(([, code]) => code === exitCode) ?? [];
  return MEANINGS[kind] ?? kind;
}

/** `2026-11-28 03:15 UTC` */
function shown(time: string): string {
  return `${time.slice(0, 16).replace("T", " ")} UTC`;
}
