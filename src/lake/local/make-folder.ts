import { mkdirSync } from "node:fs";
import { lstat, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../support/errors.ts";

/**
 * How often a folder is created again that other processes keep removing while it is empty. In a folder that accepts no
 * entries, such as /proc, every attempt fails in the same way.
 */
const TRIES = 100;

/**
 * Creates a folder and its parents, and returns the topmost one created; undefined if the folder existed.
 *
 * Node's `mkdir` with `recursive` never returns in an existing folder that accepts no entries.
 */
export async function makeFolder(path: string, mode?: number): Promise<string | undefined> {
  let above: string | undefined;
  for (let tries = 1; ; tries++) {
    try {
      await mkdir(path, { mode });
      return above ?? path;
    } catch (error) {
      if (await isFolder(path)) return above;
      const code = codeOf(error);
      if (tries === TRIES || dirname(path) === path) throw error;
      // EEXIST: another process has removed it since.
      const isGone = code === "EEXIST" && !(await exists(path));
      if (code !== "ENOENT" && !isGone) throw error;
    }
    if (tries > 1) await pause();
    above = (await makeFolder(dirname(path), mode)) ?? above;
  }
}

/**
 * Creates something in a folder, and the folder itself, which other processes remove at any time while it is empty.
 *
 * @param create without a pause, because the folder could vanish in it.
 */
export async function insideFolder<T>(folder: string, create: () => T): Promise<T> {
  for (let tries = 1; ; tries++) {
    await makeFolder(dirname(folder));
    try {
      makeAtOnce(folder);
      return create();
    } catch (error) {
      if (tries === TRIES || codeOf(error) !== "ENOENT") throw error;
    }
    await pause();
  }
}

function makeAtOnce(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

/** Up to 5 ms, at random, so that two processes do not undo each other's steps in turn. */
async function pause(): Promise<void> {
  await sleep(Math.random() * 5);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** True also for a link that leads nowhere. */
async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
