import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Reports that a test was skipped, and why. Always false. */
export function skipped(why: string): false {
  process.stderr.write(`NOT TRIED: ${why}\n`);
  return false;
}

/** Mounts at `target`, which needs root. If that is not allowed, reports it and returns undefined. */
export function tryMount(target: string, ...args: readonly string[]): (() => void) | undefined {
  try {
    execFileSync("mount", [...args, target], { stdio: "pipe" });
    return () => void execFileSync("umount", [target]);
  } catch (error) {
    skipped(`mount ${args.join(" ")} ${target}: ${String(error).split("\n")[0]}`);
    return undefined;
  }
}

/** A separate disk below `folder`, with a size such as `64k`. */
export function smallDisk(folder: string, size: string): { path: string; unmount: () => void } | undefined {
  const path = join(folder, `disk-${size}`);
  mkdirSync(path);
  const unmount = tryMount(path, "-t", "tmpfs", "-o", `size=${size}`, "none");
  return unmount && { path, unmount };
}
