// Replaces the old build with the new one as a whole, so that no files of deleted sources remain, and commands that
// run during the build still find their files.
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";

/** @param {string} name */
const folder = (name) => new URL(`../${name}/`, import.meta.url);

// tsc does not keep mode bits: the command must be executable for `npx` and for a link into PATH.
chmodSync(new URL("cli/bin.js", folder("dist.new")), 0o755);
rmSync(folder("dist.old"), { recursive: true, force: true });
if (existsSync(folder("dist"))) renameSync(folder("dist"), folder("dist.old"));
renameSync(folder("dist.new"), folder("dist"));
rmSync(folder("dist.old"), { recursive: true, force: true });
