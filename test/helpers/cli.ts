import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { afterAll } from "vitest";
import { BIN } from "./bin.ts";
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
}

/** Starts the built command as a user does, with nothing of this process's environment but the path. */
export function start(args: readonly string[], { cwd = tmpdir(), env = {}, input = "" }: RunOptions = {}) {
  return execa(process.execPath, [BIN, ...args], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: cwd, USERPROFILE: cwd, TMPDIR: tmpdir(), ...env },
    extendEnv: false,
    input,
    reject: false,
    stripFinalNewline: false,
  });
}

/** The same, to its end. */
export async function gcUsage(args: readonly string[], options?: RunOptions): Promise<Ran> {
  const { exitCode, stdout, stderr } = await start(args, options);
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
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-cli-"));
  folders.push(folder);
  if (like !== undefined) await cp(like, folder, { recursive: true });
  return folder;
}
