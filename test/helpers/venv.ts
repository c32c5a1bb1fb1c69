import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";

/**
 * A Python environment with exactly the packages of a requirements file; rebuilt when the file changes.
 *
 * @param name the name of its folder in the checkout's git-ignored `.cache`.
 * @param what the packages, for the message during the installation.
 * @returns the folder of its commands.
 */
export async function venvOf(name: string, requirements: string, what: string): Promise<string> {
  const folder = path.resolve(import.meta.dirname, "../../.cache", name, "venv");
  const bin = path.join(folder, "bin");
  const stamp = path.join(folder, ".requirements.sha256");
  const wanted = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === wanted) return bin;
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.dirname(folder), { recursive: true });
  await step(`Installing ${what}`, async () => {
    await run("python3", ["-m", "venv", folder], "Python 3.11 or later with its venv module is needed");
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
    await run(path.join(bin, "python"), pip, `pip could not install ${requirements}`);
    await writeFile(stamp, wanted);
  });
  return bin;
}

/** Runs an installation command. Throws an Error that begins with `needed`. */
export async function run(command: string, args: readonly string[], needed: string): Promise<void> {
  const done = await execa(command, args, { reject: false, all: true });
  if (done.failed) throw new Error(`${needed}: \`${command}\` failed.\n${done.all || done.shortMessage}`);
}

export async function step(what: string, action: () => Promise<void>): Promise<void> {
  const started = Date.now();
  process.stderr.write(`${what} …\n`);
  await action();
  process.stderr.write(`  done in ${Math.round((Date.now() - started) / 1000)} s\n`);
}
