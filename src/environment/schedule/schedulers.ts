import { CRON } from "./cron.ts";
import { GITHUB } from "./github.ts";
import type { ScheduleFormat } from "./job.ts";
import { LAUNCHD } from "./launchd.ts";
import { type InstalledJob, type Machine, runTool, type Scheduler } from "./scheduler.ts";
import { SYSTEMD } from "./systemd.ts";
import { WINDOWS } from "./windows.ts";

const SCHEDULERS: readonly Scheduler[] = [SYSTEMD, CRON, LAUNCHD, WINDOWS, GITHUB];

export function schedulerOf(format: ScheduleFormat): Scheduler {
  return SCHEDULERS.find((scheduler) => scheduler.format === format) ?? CRON;
}

/** The scheduler of this machine: on Linux systemd if the user has one, else cron. */
export async function usualFormat(machine: Machine): Promise<ScheduleFormat> {
  if (process.platform === "darwin") return "launchd";
  if (process.platform === "win32") return "windows";
  const { exitCode } = await runTool("systemctl", ["--user", "show-environment"], machine);
  if (exitCode === 0) return "systemd";
  return (await runTool("crontab", ["-l"], machine)).exitCode === undefined ? "systemd" : "cron";
}

/** The schedulers that can have a job here. */
const HERE: Readonly<Partial<Record<NodeJS.Platform, readonly ScheduleFormat[]>>> = {
  darwin: ["launchd", "cron", "github"],
  win32: ["windows", "github"],
};

/** Every job with this name, in the given format or in any that can be here. */
export async function findJobs(
  name: string,
  format: ScheduleFormat | undefined,
  machine: Machine,
): Promise<InstalledJob[]> {
  const formats = format === undefined ? (HERE[process.platform] ?? ["systemd", "cron", "github"]) : [format];
  const found: InstalledJob[] = [];
  for (const each of formats) {
    const job = await schedulerOf(each).find(name, machine);
    if (job !== undefined) found.push(job);
  }
  return found;
}
