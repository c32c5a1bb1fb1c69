import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, GcUsageError } from "../../support/errors.ts";
import type { Job, ScheduleFormat } from "./job.ts";

/** The machine that a job is installed on. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The home folder. */
  readonly home: string;
  /** The current folder, which may be a repository. */
  readonly folder: string;
}

/** A job as its scheduler has it. */
export interface InstalledJob {
  readonly format: ScheduleFormat;
  /** The file, or the name of the entry in the scheduler's own store. */
  readonly where: string;
  /** Undefined if somebody changed the file so that it cannot be read. */
  readonly job: Job | undefined;
  /** What the scheduler itself reports; undefined if it does not report it, or cannot be asked. */
  readonly reported: Reported;
}

export interface Reported {
  /** False if it is installed, but not active. */
  readonly isActive?: boolean | undefined;
  /** The last exit code. */
  readonly exitCode?: number | undefined;
  /** Milliseconds since 1970. */
  readonly nextRun?: number | undefined;
}

/** One way to run a job every day. Each has a file of its own; `schedulers.ts` lists them. */
export interface Scheduler {
  readonly format: ScheduleFormat;
  /** The job in this format, for people to read and to install themselves. @throws {GcUsageError} input */
  print(job: Job, machine: Machine): string;
  /** Installs or replaces the job. Changes nothing if it fails. @returns what to know about it, in sentences. */
  install(job: Job, machine: Machine): Promise<readonly string[]>;
  /** @returns false if there is none with this name. */
  remove(name: string, machine: Machine): Promise<boolean>;
  find(name: string, machine: Machine): Promise<InstalledJob | undefined>;
}

export interface ToolResult {
  /** Undefined if the program does not exist. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a scheduler's own tool, without a shell. */
export function runTool(
  program: string,
  args: readonly string[],
  { env }: Machine,
  input?: string,
): Promise<ToolResult> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: 60_000, windowsHide: true };
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ exitCode: codeOf(error) === "ENOENT" ? undefined : code, stdout, stderr });
    });
    // A tool that does not exist, or does not read, has failed by itself.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
  });
}

/** @throws {GcUsageError} failed, with what the tool printed. */
export function toolError(
  program: string,
  args: readonly string[],
  result: ToolResult,
  hint: string,
): GcUsageError {
  const why =
    result.exitCode === undefined
      ? "the program was not found"
      : (result.stderr.trim() || result.stdout.trim() || `exit code ${result.exitCode}`).replaceAll(
          /\s+/g,
          " ",
        );
  return new GcUsageError(
    "failed",
    `\`${[program, ...args].join(" ")}\` failed: ${why}. Nothing was installed.`,
    {
      hint,
    },
  );
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Writes files, runs `activate`, and restores the earlier files if that fails. */
export async function withFiles(
  files: Readonly<Record<string, string>>,
  activate: () => Promise<void>,
): Promise<void> {
  const before = new Map<string, string | undefined>();
  try {
    for (const [path, content] of Object.entries(files)) {
      before.set(path, await readIfThere(path));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content, { mode: 0o644 });
      await chmod(path, 0o644);
    }
    await activate();
  } catch (error) {
    for (const [path, content] of before) {
      if (content === undefined) await rm(path, { force: true });
      else await writeFile(path, content);
    }
    throw error;
  }
}
