import { GcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { shellWord } from "../../support/quote.ts";
import { type Job, jobMark, markedJob, onClock, timeText, wordsOf } from "./job.ts";
import { type InstalledJob, type Machine, runTool, type Scheduler, toolError } from "./scheduler.ts";

/** A line of the user's crontab, between two comments that name it. */
export const CRON: Scheduler = {
  format: "cron",
  print: block,
  async install(job, machine) {
    const text = block(job);
    const before = await read(machine);
    await write(withBlock(before, job.name, text), machine);
    return [
      "cron mails what the job prints: findings, warnings and errors. Without news, it prints nothing.",
      "cron does not catch up: if the machine is off at that time, the job runs the next day, and syncs both days.",
    ];
  },
  async remove(name, machine) {
    const before = await read(machine);
    if (blockOf(before, name) === undefined) return false;
    await write(withBlock(before, name, ""), machine);
    return true;
  },
  async find(name, machine): Promise<InstalledJob | undefined> {
    const { exitCode, stdout } = await runTool("crontab", ["-l"], machine);
    const text = exitCode === 0 ? blockOf(stdout, name) : undefined;
    if (text === undefined) return undefined;
    // Somebody may have made the line a comment.
    const isActive = text.split("\n").some((line) => /^\s*\d/.test(line));
    return { format: "cron", where: "crontab", job: markedJob(text), reported: { isActive } };
  },
};

const begin = (name: string): string => `# BEGIN ${name} (gc-usage schedule)`;
const end = (name: string): string => `# END ${name} (gc-usage schedule)`;

/** Debian's cron rejects longer commands, and others cut them. */
const MAX_COMMAND = 990;

function block(job: Job): string {
  const { hour, minute } = onClock(job, "local", "cron");
  const variables = Object.entries(job.variables).map(([name, value]) => `${name}=${shellWord(value)}`);
  const words = wordsOf(job, { hasDelays: false });
  const command = [...variables, ...words.map(shellWord)].join(" ");
  const backslash = [...words, ...Object.values(job.variables)].find((value) => value.includes("\\"));
  if (backslash !== undefined) {
    throw new GcUsageError("input", `Cannot write ${quoted(backslash)} into a crontab: it has a backslash.`, {
      hint: "Versions of cron differ in how they read it. Rename the file or folder, or use --for systemd.",
    });
  }
  // A percent sign would be a line break.
  const escaped = command.replaceAll("%", "\\%");
  if (escaped.length > MAX_COMMAND) {
    throw new GcUsageError(
      "input",
      `The command has ${escaped.length} characters, but cron accepts only ${MAX_COMMAND}.`,
      { hint: "Use shorter paths, or --for systemd." },
    );
  }
  return `${begin(job.name)}
# Every day at ${timeText(job)}. Log: ${job.log}
# Credentials: ${job.credentials}.
# ${jobMark(job)}
${minute} ${hour} * * * ${escaped}
${end(job.name)}
`;
}

/** The crontab of this user; empty if there is none. */
async function read(machine: Machine): Promise<string> {
  const result = await runTool("crontab", ["-l"], machine);
  if (result.exitCode === 0) return result.stdout;
  // Any other failure must not be taken for an empty crontab, which would then replace the user's own.
  if (result.exitCode !== undefined && /no crontab/i.test(result.stderr)) return "";
  throw toolError("crontab", ["-l"], result, NO_CRON);
}

const NO_CRON = "Install cron, or use another scheduler: --for systemd.";

async function write(text: string, machine: Machine): Promise<void> {
  const result = await runTool("crontab", ["-"], machine, text);
  if (result.exitCode !== 0) throw toolError("crontab", ["-"], result, NO_CRON);
}

function range(crontab: string, name: string): readonly [start: number, end: number] | undefined {
  const lines = crontab.split("\n");
  const from = lines.indexOf(begin(name));
  const to = lines.indexOf(end(name), from);
  return from < 0 || to < 0 ? undefined : [from, to];
}

function blockOf(crontab: string, name: string): string | undefined {
  const found = range(crontab, name);
  return (
    found &&
    crontab
      .split("\n")
      .slice(found[0], found[1] + 1)
      .join("\n")
  );
}

/** The crontab with the block replaced, added, or removed if `text` is empty. Every other line stays. */
function withBlock(crontab: string, name: string, text: string): string {
  const found = range(crontab, name);
  if (found === undefined) return `${crontab}${crontab === "" || crontab.endsWith("\n") ? "" : "\n"}${text}`;
  const lines = crontab.split("\n");
  const added = text === "" ? [] : text.trimEnd().split("\n");
  return [...lines.slice(0, found[0]), ...added, ...lines.slice(found[1] + 1)].join("\n");
}
