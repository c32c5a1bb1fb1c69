// Puts the new build in the old one's place, so that nothing of a source that is gone stays, and a command that runs
// meanwhile finds its files.
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";

/** @param {string} name */
const folder = (name) => new URL(`../${name}/`, import.meta.url);

// tsc keeps no mode bits: the command must be executable for `npx` and for a link into PATH.
chmodSync(new URL("cli/bin.js", folder("dist.new")), 0o755);
rmSync(folder("dist.old"), { recursive: true, force: true });
if (existsSync(folder("dist"))) renameSync(folder("dist"), folder("dist.old"));
renameSync(folder("dist.new"), folder("dist"));
rmSync(folder("dist.old"), { recursive: true, force: true });
