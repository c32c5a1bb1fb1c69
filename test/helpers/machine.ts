import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Says that a test tried nothing, and why. Always false. */
export function skipped(why: string): false {
  process.stderr.write(`NOT TRIED: ${why}\n`);
  return false;
}

/** Mounts at `target`, as root may; where it is refused, says so and gives undefined. */
export function tryMount(target: string, ...args: readonly string[]): (() => void) | undefined {
  try {
    execFileSync("mount", [...args, target], { stdio: "pipe" });
    return () => void execFileSync("umount", [target]);
  } catch (error) {
    skipped(`mount ${args.join(" ")} ${target}: ${String(error).split("\n")[0]}`);
    return undefined;
  }
}

/** A disk of its own below `folder`, of a size such as `64k`. */
export function smallDisk(folder: string, size: string): { path: string; unmount: () => void } | undefined {
  const path = join(folder, `disk-${size}`);
  mkdirSync(path);
  const unmount = tryMount(path, "-t", "tmpfs", "-o", `size=${size}`, "none");
  return unmount && { path, unmount };
}
