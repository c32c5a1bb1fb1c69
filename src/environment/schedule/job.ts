import { GcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";

/** The formats of a nightly job. */
export const SCHEDULE_FORMATS = ["systemd", "cron", "launchd", "windows", "github"] as const;
export type ScheduleFormat = (typeof SCHEDULE_FORMATS)[number];

/** A command that a scheduler runs once a day. All paths are absolute. */
export interface Job {
  /** `gc-usage`, or `gc-usage-NAME`: the name of its files, its label, its task. */
  readonly name: string;
  /** The Node.js that runs it. */
  readonly program: string;
  /** Options of Node.js, and the path of gc-usage. */
  readonly launch: readonly string[];
  /** The command and its options, such as `nightly --lake /data/lake`. */
  readonly command: readonly string[];
  /** The version of gc-usage, for a machine that installs it. */
  readonly version: string;
  /** Variables that must be set before the program starts. Never a secret. */
  readonly variables: Readonly<Record<string, string>>;
  readonly hour: number;
  readonly minute: number;
  /** True if the time is UTC; otherwise it is this machine's local time. */
  readonly isUtc: boolean;
  /** The start is delayed by up to this many minutes, at random. */
  readonly jitterMinutes: number;
  /** The lake as text, such as `--stack gc-usage`, for people. */
  readonly lake: string;
  /** The file with the output of each run. */
  readonly log: string;
  /** Where the job gets its credentials, for people. */
  readonly credentials: string;
}

const MARK = "gc-usage-schedule: ";

/**
 * The job on one line that fits into a comment of every format: in JSON, each character that could end a comment or that a
 * format changes is escaped.
 */
export function jobMark(job: Job): string {
  const json = JSON.stringify(job).replace(
    /[^A-Za-z0-9 {}[\]":,./_\\]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return MARK + json;
}

/** The job of a file that gc-usage wrote; undefined for any other text. */
export function markedJob(text: string): Job | undefined {
  const [, json] = /gc-usage-schedule: (\{.*\})/.exec(text) ?? [];
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as Job;
  } catch {
    return undefined;
  }
}

/** `03:15 UTC`, or `03:15 local time`. */
export function timeText({ hour, minute, isUtc, jitterMinutes }: Job): string {
  const later = jitterMinutes > 0 ? `, up to ${jitterMinutes} minutes later` : "";
  return `${two(hour)}:${two(minute)} ${isUtc ? "UTC" : "local time"}${later}`;
}

export function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** The program and its arguments. A scheduler without random delays leaves them to the command. */
export function wordsOf(
  { program, launch, command, jitterMinutes }: Job,
  { hasDelays }: { readonly hasDelays: boolean },
): string[] {
  const delay = hasDelays || jitterMinutes === 0 ? [] : ["--jitter", `${jitterMinutes}m`];
  return [program, ...launch, ...command, ...delay];
}

/** What the job does, for the descriptions that schedulers show. */
export function describeJob({ lake }: Job): string {
  return `gc-usage: sync and check the lake (${lake})`;
}

/** The next time that the job starts, in milliseconds since 1970, without its random delay. */
export function nextStart({ hour, minute, isUtc }: Job, now: number): number {
  const from = new Date(now);
  for (let days = 0; ; days++) {
    const start = isUtc
      ? Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate() + days, hour, minute)
      : new Date(from.getFullYear(), from.getMonth(), from.getDate() + days, hour, minute).getTime();
    if (start > now) return start;
  }
}

/**
 * The time on a clock that knows only the other zone: a scheduler without UTC, or without local time.
 *
 * @throws {GcUsageError} input, if this machine's offset from UTC changes during the year: then no fixed time is the same.
 */
export function onClock(
  { hour, minute, isUtc }: Job,
  clock: "local" | "UTC",
  scheduler: string,
): { readonly hour: number; readonly minute: number } {
  if (isUtc === (clock === "UTC")) return { hour, minute };
  const year = new Date().getFullYear();
  const [winter, summer] = [0, 6].map((month) => new Date(year, month, 1).getTimezoneOffset());
  if (winter !== summer) {
    throw new GcUsageError(
      "input",
      `${scheduler} only supports ${clock === "UTC" ? "UTC" : "this machine's local time"}, and the difference changes with daylight saving time.`,
      {
        hint:
          clock === "UTC" ? "Add --utc, and give the time in UTC." : "Omit --utc, and give the local time.",
      },
    );
  }
  const shift = (winter ?? 0) * (clock === "UTC" ? 1 : -1);
  const minutes = (hour * 60 + minute + shift + 2 * 1440) % 1440;
  return { hour: Math.floor(minutes / 60), minute: minutes % 60 };
}

/** @throws {GcUsageError} input, for a value that no format can contain. */
export function checkValues(job: Job): void {
  for (const value of [
    ...wordsOf(job, { hasDelays: true }),
    ...Object.values(job.variables),
    job.log,
    job.lake,
  ]) {
    // oxlint-disable-next-line no-control-regex
    if (!/[\u0000-\u001f\u007f]/.test(value)) continue;
    throw new GcUsageError(
      "input",
      `Cannot schedule with the value ${quoted(value)}: it has a control character.`,
      {
        hint: "Rename the file or folder, without line breaks and tabs.",
      },
    );
  }
}
