import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { afterAll } from "vitest";
import { BIN } from "./bin.ts";
import { runInProcess } from "./in-process.ts";
import { keepTranscript } from "./watch.ts";

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Home, too. The system's temporary folder where it is left out. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; empty where it is left out. */
  readonly input?: string | Uint8Array | Readable;
  /** Where what is tested is how a process begins or ends, several at once, or what a library keeps for its whole life. */
  readonly ownProcess?: boolean;
}

// Read here: during a run in this process the environment is the command's.
const IN_PROCESS = Boolean(process.env["IN_PROCESS"]);
const TEMPORARY = tmpdir();
const PATH = process.env["PATH"] ?? "";
/** What is read once, as a process starts. */
const READ_AT_START = /^(NODE_.*|TZ|FORCE_COLOR|NO_COLOR)$/;

/** Nothing of this process's environment but the path. */
function surroundings({ cwd = TEMPORARY, env = {}, input = "" }: RunOptions) {
  return {
    cwd,
    env: { PATH, HOME: cwd, USERPROFILE: cwd, TMPDIR: TEMPORARY, ...env },
    input,
  };
}

/** Starts the built command as a user does. */
export function start(args: readonly string[], options: RunOptions = {}) {
  return execa(process.execPath, [BIN, ...args], {
    ...surroundings(options),
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
  });
}

/**
 * Runs the built command to its end. In `npm test` that is in this process, one after the other, since a start costs half
 * a second; in every other suite it has a process of its own.
 */
export async function gcUsage(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const needsProcess =
    options.ownProcess || Object.keys(options.env ?? {}).some((name) => READ_AT_START.test(name));
  const { exitCode, stdout, stderr } =
    IN_PROCESS && !needsProcess
      ? await runInProcess(args, surroundings(options))
      : await start(args, options);
  await keepTranscript(args, stdout, stderr);
  return { exitCode: exitCode ?? -1, stdout, stderr };
}

const folders: string[] = [];
// Not a test's own end: of tests that run side by side nobody knows which has just finished.
afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

/** A folder of a test's own, gone when the file's tests have ended; a copy of `like` where that is given. */
export async function workFolder(like?: string): Promise<string> {
  const folder = await mkdtemp(join(TEMPORARY, "gc-usage-cli-"));
  folders.push(folder);
  if (like !== undefined) await cp(like, folder, { recursive: true });
  return folder;
}
