import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { describeJob, type Job, jobMark, markedJob, two, wordsOf } from "./job.ts";
import {
  type InstalledJob,
  type Machine,
  type Reported,
  runTool,
  type Scheduler,
  toolError,
} from "./scheduler.ts";
import { xmlText } from "./xml.ts";

/** A task of the Windows Task Scheduler. */
export const WINDOWS: Scheduler = {
  format: "windows",
  print: (job) => taskXml(job),
  async install(job, machine) {
    const folder = await mkdtemp(join(tmpdir(), "gc-usage-task-"));
    try {
      const file = join(folder, "task.xml");
      // schtasks reads UTF-16 in all versions of Windows.
      await writeFile(file, `\ufeff${taskXml(job)}`, "utf16le");
      const args = ["/Create", "/TN", job.name, "/XML", file, "/F"];
      const result = await runTool("schtasks", args, machine);
      if (result.exitCode !== 0)
        throw toolError("schtasks", args, result, "Check that you may create tasks, then run it again.");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return [
      "It runs while you are logged on. To run it also at other times, set that in the Task Scheduler; Windows then asks for your password.",
      `Run it now: schtasks /Run /TN ${job.name}`,
    ];
  },
  async remove(name, machine) {
    if ((await queryXml(name, machine)) === undefined) return false;
    const args = ["/Delete", "/TN", name, "/F"];
    const result = await runTool("schtasks", args, machine);
    if (result.exitCode !== 0) {
      const { message } = toolError("schtasks", args, result, "");
      throw new GcUsageError("failed", message.replace("Nothing was installed.", "Nothing was removed."), {
        hint: "Check that you may delete the task, then run it again.",
      });
    }
    return true;
  },
  async find(name, machine): Promise<InstalledJob | undefined> {
    const text = await queryXml(name, machine);
    if (text === undefined) return undefined;
    const isActive = !/<Settings>[^]*<Enabled>false<\/Enabled>[^]*<\/Settings>/.test(text);
    return {
      format: "windows",
      where: `task ${name}`,
      job: markedJob(text.replaceAll("&quot;", '"')),
      reported: { isActive, ...(await reported(name, machine)) },
    };
  },
};

async function queryXml(name: string, machine: Machine): Promise<string | undefined> {
  const { exitCode, stdout } = await runTool("schtasks", ["/Query", "/TN", name, "/XML"], machine);
  return exitCode === 0 ? stdout : undefined;
}

/** The text of schtasks is in the language of Windows; PowerShell's properties are not. */
async function reported(name: string, machine: Machine): Promise<Reported> {
  const script =
    `$i = Get-ScheduledTaskInfo -TaskName '${name}'; ` +
    "@{ last = $i.LastTaskResult; next = if ($i.NextRunTime) { ([DateTimeOffset]$i.NextRunTime).ToUnixTimeMilliseconds() } } | ConvertTo-Json";
  const { stdout } = await runTool(
    "powershell.exe",
    ["-NoProfile", "-NonInteractive", "-Command", script],
    machine,
  );
  try {
    const { last, next } = JSON.parse(stdout) as { last?: number; next?: number | null };
    // 0x41303: the task has not run yet. 0x41301: it is running.
    const hasEnded = last !== undefined && last !== 0x41303 && last !== 0x41301;
    return { exitCode: hasEnded ? last : undefined, nextRun: next ?? undefined };
  } catch {
    return {};
  }
}

function taskXml(job: Job): string {
  const { hour, minute, isUtc, jitterMinutes } = job;
  // Only the time of this day counts: the trigger repeats every day.
  const start = `2026-01-01T${two(hour)}:${two(minute)}:00${isUtc ? "Z" : ""}`;
  const delay = jitterMinutes > 0 ? `      <RandomDelay>PT${jitterMinutes}M</RandomDelay>\n` : "";
  const [program = "", ...args] = wordsOf(job, { hasDelays: true });
  for (const value of [program, ...args]) checkExpansion(value);
  // Without an encoding in the first line, the text is valid as UTF-8 and as UTF-16, which PowerShell's > writes.
  return `<?xml version="1.0"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>${xmlText(describeJob(job))}. Credentials: ${xmlText(job.credentials)}</Description>
    <Documentation>${xmlText(jobMark(job))}</Documentation>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>${start}</StartBoundary>
${delay}      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <ExecutionTimeLimit>PT12H</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${xmlText(program)}</Command>
      <Arguments>${xmlText(args.map(windowsWord).join(" "))}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
}

/** A word as programs on Windows split their command line: backslashes count only before a quote. */
function windowsWord(word: string): string {
  if (/^[^\s"]+$/.test(word)) return word;
  return `"${word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}

/** The Task Scheduler replaces %NAME% and $(NAME), and has no way to write them literally. */
function checkExpansion(value: string): void {
  const [found] = /%[\w().-]+%|\$\(/.exec(value) ?? [];
  if (found === undefined) return;
  throw new GcUsageError(
    "input",
    `Cannot write ${quoted(value)} into a task: Windows would replace ${quoted(found)}.`,
    { hint: "Rename the file or folder." },
  );
}
