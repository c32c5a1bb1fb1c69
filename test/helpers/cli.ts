import { tmpdir } from "node:os";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { BIN } from "./bin.ts";
import { runInProcess } from "./in-process.ts";
import { keepTranscript } from "./watch.ts";

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The working folder and home. Default: the system's temporary folder. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; default: empty. */
  readonly input?: string | Uint8Array | Readable;
  /** For tests of the start or end of a process, of concurrent processes, or of what a library keeps for its lifetime. */
  readonly ownProcess?: boolean;
}

// Read here: during a run in this process, the environment is that of the command.
const IN_PROCESS = Boolean(process.env["IN_PROCESS"]);
const TEMPORARY = tmpdir();
const PATH = process.env["PATH"] ?? "";
/** Read once, when a process starts. */
const READ_AT_START = /^(NODE_.*|TZ|FORCE_COLOR|NO_COLOR)$/;

/** Nothing of this process's environment except the path. */
function surroundings({ cwd = TEMPORARY, env = {}, input = "" }: RunOptions) {
  return {
    cwd,
    env: { PATH, HOME: cwd, USERPROFILE: cwd, TMPDIR: TEMPORARY, ...env },
    input,
  };
}

/** Starts the built command like a user does. */
export function start(args: readonly string[], options: RunOptions = {}) {
  return execa(process.execPath, [BIN, ...args], {
    ...surroundings(options),
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
  });
}

/**
 * Runs the built command to its end. In `npm test` it runs in this process, one run at a time, because a start costs half a
 * second. In every other suite it has its own process.
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
