import { rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type Job, jobMark, markedJob, onClock, timeText, wordsOf } from "./job.ts";
import {
  type InstalledJob,
  type Machine,
  readIfThere,
  runTool,
  type Scheduler,
  toolError,
  withFiles,
} from "./scheduler.ts";
import { xmlText } from "./xml.ts";

/** A launch agent of the user, on macOS. */
export const LAUNCHD: Scheduler = {
  format: "launchd",
  print: (job) => plist(job),
  async install(job, machine) {
    const path = plistPath(job.name, machine);
    await withFiles({ [path]: plist(job) }, async () => {
      // A loaded agent keeps its old definition. It fails if none is loaded.
      await runTool("launchctl", ["bootout", `${domain()}/${job.name}`], machine);
      const args = ["bootstrap", domain(), path];
      const result = await runTool("launchctl", args, machine);
      if (result.exitCode !== 0)
        throw toolError("launchctl", args, result, "Log in on the desktop of this Mac, then run it again.");
    });
    return [
      "It runs while you are logged in. If the Mac sleeps at that time, it runs when it wakes up.",
      `Run it now: launchctl kickstart ${domain()}/${job.name}`,
    ];
  },
  async remove(name, machine) {
    const path = plistPath(name, machine);
    if ((await readIfThere(path)) === undefined) return false;
    await runTool("launchctl", ["bootout", `${domain()}/${name}`], machine);
    await rm(path, { force: true });
    return true;
  },
  async find(name, machine): Promise<InstalledJob | undefined> {
    const path = plistPath(name, machine);
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    const { exitCode, stdout } = await runTool("launchctl", ["print", `${domain()}/${name}`], machine);
    const [, last] = /last exit code = (\d+)/.exec(stdout) ?? [];
    return {
      format: "launchd",
      where: path,
      job: markedJob(text),
      reported: {
        isActive: exitCode === undefined ? undefined : exitCode === 0,
        exitCode: last === undefined ? undefined : Number(last),
      },
    };
  },
};

function plistPath(name: string, { home }: Machine): string {
  return join(home, "Library", "LaunchAgents", `${name}.plist`);
}

function domain(): string {
  return `gui/${userInfo().uid}`;
}

function plist(job: Job): string {
  const { hour, minute } = onClock(job, "local", "launchd");
  const words = wordsOf(job, { hasDelays: false }).map((word) => `    <string>${xmlText(word)}</string>\n`);
  const variables = Object.entries(job.variables).map(
    ([name, value]) => `    <key>${xmlText(name)}</key>\n    <string>${xmlText(value)}</string>\n`,
  );
  const environment =
    variables.length === 0
      ? ""
      : `  <key>EnvironmentVariables</key>\n  <dict>\n${variables.join("")}  </dict>\n`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by gc-usage schedule, and replaced by it. Every day at ${timeText(job)}. Contains no secrets. -->
<!-- ${jobMark(job)} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${xmlText(job.name)}</string>
  <key>ProgramArguments</key>
  <array>
${words.join("")}  </array>
${environment}  <key>StartCalendarInterval</key>
  <dict>
    <key>Hour</key>
    <integer>${hour}</integer>
    <key>Minute</key>
    <integer>${minute}</integer>
  </dict>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardErrorPath</key>
  <string>${xmlText(`${job.log}.stderr`)}</string>
</dict>
</plist>
`;
}
