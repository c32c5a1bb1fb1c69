import { rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { GcUsageError } from "../../support/errors.ts";
import { describeJob, type Job, jobMark, markedJob, timeText, two, wordsOf } from "./job.ts";
import {
  type InstalledJob,
  type Machine,
  type Reported,
  readIfThere,
  runTool,
  type Scheduler,
  toolError,
  withFiles,
} from "./scheduler.ts";

/** A timer and a service of the user's own systemd. */
export const SYSTEMD: Scheduler = {
  format: "systemd",
  print(job, machine) {
    const { service, timer } = unitPaths(job.name, machine);
    return `# ${service}\n${serviceUnit(job)}\n# ${timer}\n${timerUnit(job)}`;
  },
  async install(job, machine) {
    const { service, timer } = unitPaths(job.name, machine);
    const reload = ["--user", "daemon-reload"];
    try {
      await withFiles({ [service]: serviceUnit(job), [timer]: timerUnit(job) }, async () => {
        for (const args of [reload, ["--user", "enable", "--now", `${job.name}.timer`]]) {
          const result = await runTool("systemctl", args, machine);
          if (result.exitCode !== 0) throw toolError("systemctl", args, result, NO_SYSTEMD);
        }
      });
    } catch (error) {
      await runTool("systemctl", reload, machine);
      throw error;
    }
    return [
      "It runs while you are logged in. To run it also at other times: loginctl enable-linger",
      `Run it now: systemctl --user start ${job.name}.service`,
    ];
  },
  async remove(name, machine) {
    const { service, timer } = unitPaths(name, machine);
    if ((await readIfThere(timer)) === undefined && (await readIfThere(service)) === undefined) return false;
    await runTool("systemctl", ["--user", "disable", "--now", `${name}.timer`], machine);
    await rm(timer, { force: true });
    await rm(service, { force: true });
    await runTool("systemctl", ["--user", "daemon-reload"], machine);
    return true;
  },
  async find(name, machine): Promise<InstalledJob | undefined> {
    const { service, timer } = unitPaths(name, machine);
    const text = await readIfThere(service);
    if (text === undefined || (await readIfThere(timer)) === undefined) return undefined;
    return {
      format: "systemd",
      where: timer,
      job: markedJob(text),
      reported: await reported(name, machine),
    };
  },
};

const NO_SYSTEMD =
  "Without a systemd of your own, for example in a container or over su, use cron: add --for cron.";

function unitPaths(name: string, { env, home }: Machine) {
  const given = env["XDG_CONFIG_HOME"];
  const config = given && isAbsolute(given) ? given : join(home, ".config");
  const folder = join(config, "systemd", "user");
  return { service: join(folder, `${name}.service`), timer: join(folder, `${name}.timer`) };
}

function serviceUnit(job: Job): string {
  const variables = Object.entries(job.variables).map(
    ([name, value]) => `Environment=${quotedText(`${name}=${value}`)}\n`,
  );
  const [program = "", ...args] = wordsOf(job, { hasDelays: true });
  if (/["'\\]/.test(program)) {
    throw new GcUsageError(
      "input",
      `systemd does not start a program whose path has quotes or backslashes: ${program}`,
      {
        hint: "Use a Node.js in another folder, or --for cron.",
      },
    );
  }
  const command = [quotedText(program), ...args.map(argument)].join(" ");
  return `# Written by \`gc-usage schedule --install\`, and replaced by it. Contains no secrets.
# Credentials: ${job.credentials}.
# ${jobMark(job)}
[Unit]
Description=${describeJob(job).replaceAll("\\", "\\\\").replaceAll("%", "%%")}

[Service]
Type=oneshot
${variables.join("")}ExecStart=${command}
`;
}

function timerUnit(job: Job): string {
  const { hour, minute, isUtc, jitterMinutes } = job;
  return `# Written by \`gc-usage schedule --install\`. Runs ${job.name}.service every day at ${timeText(job)}.
[Unit]
Description=${job.name}: every day at ${two(hour)}:${two(minute)} ${isUtc ? "UTC" : "local time"}

[Timer]
OnCalendar=*-*-* ${two(hour)}:${two(minute)}:00${isUtc ? " UTC" : ""}
${jitterMinutes > 0 ? `RandomizedDelaySec=${jitterMinutes}min\n` : ""}# Runs after the next start of the machine if it was off at that time.
Persistent=true

[Install]
WantedBy=timers.target
`;
}

/** Text in a unit, in quotes: a percent sign would begin one of systemd's specifiers. */
function quotedText(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
}

/** An argument: systemd replaces variables in it, but not in the path of the program. */
function argument(text: string): string {
  return quotedText(text).replaceAll("$", "$$$$");
}

async function reported(name: string, machine: Machine): Promise<Reported> {
  const show = async (unit: string, properties: string): Promise<string> =>
    (
      await runTool(
        "systemctl",
        ["--user", "show", unit, "--timestamp=unix", `--property=${properties}`],
        machine,
      )
    ).stdout;
  const timer = await show(`${name}.timer`, "ActiveState,NextElapseUSecRealtime");
  if (timer === "") return {};
  const service = await show(`${name}.service`, "ExecMainStatus,ExecMainExitTimestamp");
  const [, next] = /^NextElapseUSecRealtime=@(\d+)/m.exec(timer) ?? [];
  const [, status] = /^ExecMainStatus=(\d+)/m.exec(service) ?? [];
  const hasRun = /^ExecMainExitTimestamp=@\d/m.test(service);
  return {
    isActive: /^ActiveState=active$/m.test(timer),
    nextRun: next === undefined ? undefined : Number(next) * 1000,
    exitCode: hasRun && status !== undefined ? Number(status) : undefined,
  };
}
