import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { run, step, venvOf } from "../test/helpers/venv.ts";

/** A program to compare with. */
export interface Tool {
  readonly name: string;
  readonly command: string;
}

/** What could be had of the programs; the others were reported on standard error. */
export interface Tools {
  /** The jq that Debian 12 ships. */
  readonly jq: Tool | undefined;
  readonly newJq: Tool | undefined;
  readonly jaq: Tool | undefined;
  /** Python with orjson. */
  readonly python: Tool | undefined;
}

const CACHE = resolve(import.meta.dirname, "../.cache/bench");
/** The Python package of this version contains the sources of jq 1.8.2, and the package index has no newer jq. */
const JQ_PACKAGE = "jq==1.13.0";

/**
 * Finds the programs, or installs them with the system's package manager and pip in the git-ignored `.cache/bench`. A program that
 * cannot be had is reported and left out.
 *
 * @param isQuick leaves out what takes a minute to build.
 */
export async function findTools(isQuick: boolean): Promise<Tools> {
  const bin = await attempt("jaq and Python with orjson", () =>
    venvOf("bench", join(import.meta.dirname, "tools-requirements.txt"), "jaq and orjson"),
  );
  return {
    jq: await attempt("jq", oldJq),
    newJq: await attempt("the newest jq", () => newestJq(isQuick)),
    jaq: bin === undefined ? undefined : tool("jaq", join(bin, "jaq"), ["--version"]),
    python: bin === undefined ? undefined : tool("Python", join(bin, "python"), ["--version"]),
  };
}

async function attempt<T>(what: string, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    process.stderr.write(`SKIPPED, not measured: ${what}. ${error instanceof Error ? error.message : ""}\n`);
    return undefined;
  }
}

function tool(name: string, command: string, args: readonly string[]): Tool {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} does not run: ${stderr}`);
  const version = /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? "";
  return { name: `${name} ${version}`, command };
}

async function oldJq(): Promise<Tool> {
  for (const command of [join(CACHE, "jq-1.6"), "jq"]) {
    if (spawnSync(command, ["--version"]).status === 0) return tool("jq", command, ["--version"]);
  }
  if (process.getuid?.() === 0) {
    await run("apt-get", ["install", "-y", "-qq", "jq"], "Install jq with the system's package manager");
    return tool("jq", "jq", ["--version"]);
  }
  throw new Error("Install it with the system's package manager.");
}

async function newestJq(isQuick: boolean): Promise<Tool> {
  const command = join(CACHE, "jq-new");
  if (!existsSync(command)) {
    if (isQuick) throw new Error("It is built by a run without --quick.");
    await step("Building jq from the sources of its Python package", () => buildJq(command));
  }
  return tool("jq", command, ["--version"]);
}

async function buildJq(command: string): Promise<void> {
  const work = await mkdtemp(`${command}.`);
  try {
    const sources = [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--no-binary",
      ":all:",
      "--dest",
      work,
      JQ_PACKAGE,
    ];
    await run("python3", sources, "pip could not download the sources of jq");
    const untar = async (folder: string, name: RegExp): Promise<string> => {
      const file = (await readdir(folder)).find((entry) => name.test(entry)) ?? "";
      await run("tar", ["-xzf", join(folder, file), "-C", folder], "tar is needed");
      return join(folder, file.replace(/\.tar\.gz$/, ""));
    };
    const deps = join(await untar(work, /^jq-.*\.tar\.gz$/), "deps");
    const jq = await untar(deps, /^jq-.*\.tar\.gz$/);
    const options = [
      "--disable-docs",
      "--with-oniguruma=builtin",
      "--disable-shared",
      "--enable-static",
      "--disable-maintainer-mode",
    ];
    await run(
      "sh",
      ["-c", `cd '${jq}' && ./configure ${options.join(" ")} CFLAGS=-O2`],
      "A C compiler is needed",
    );
    await run("make", ["-C", jq, `-j${availableParallelism()}`], "make is needed");
    await copyFile(join(jq, "jq"), command);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
