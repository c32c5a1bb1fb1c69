import { execFileSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { BIN } from "../helpers/bin.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

/** The possible completions, without their descriptions. */
async function after(...words: string[]): Promise<string[]> {
  const { exitCode, stdout } = await gcUsage(["complete", "--", ...words]);
  expect(exitCode).toBe(0);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0] ?? "");
}

describe("complete", () => {
  it("lists the commands, except those for scripts", async () => {
    const words = await after("");
    expect(words).toContain("sync");
    expect(words).not.toContain("complete");
  });

  it.each([
    [["sync", "--gran"], "--granularity"],
    [["sync", "--service", ""], "legacy"],
    [["ask", "noisy"], "noisy-clients"],
    [["sql", "--engine", "a"], "athena"],
    [["aws", "dep"], "deploy"],
  ])("knows what follows %j", async (words, expected) => {
    expect(await after(...words)).toContain(expected);
  });

  it("leaves file names to the shell", async () => {
    expect(await after("load", "")).toEqual([":0"]);
  });
});

const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ["-c", "true"]);
    return true;
  } catch {
    return false;
  }
};

/** Runs a script in a shell that has `gc-usage` on its path. */
async function inShell(shell: string, args: readonly string[]): Promise<string> {
  const folder = await workFolder();
  await writeFile(join(folder, "gc-usage"), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
  await chmod(join(folder, "gc-usage"), 0o755);
  const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}`, HOME: folder, TERM: "dumb" };
  const { stdout, stderr } = await execa(shell, args, { env, extendEnv: false, stdin: "ignore" });
  expect(stderr).toBe("");
  return stdout;
}

describe("the script that completion prints", () => {
  it("works in bash", async () => {
    // The part of bash-completion that the script calls.
    const helper =
      '_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }; compopt() { :; }; __ltrim_colon_completions() { :; }';
    const line = "COMP_WORDS=(gc-usage sync --gran); COMP_CWORD=2; __gc_usage_complete";
    const script = `${helper}\nsource <(gc-usage completion bash)\n${line}\necho "\${COMPREPLY[@]}"`;
    expect(await inShell("bash", ["--norc", "-c", script])).toContain("--granularity");
  });

  it.skipIf(!has("fish"))("completes in fish", async () => {
    const script = 'gc-usage completion fish | source; complete -C "gc-usage sync --gran"';
    expect(await inShell("fish", ["--no-config", "-c", script])).toContain("--granularity");
  });

  it.skipIf(!has("zsh"))("is registered in zsh", async () => {
    const script =
      "autoload -Uz compinit; compinit -u -D; source <(gc-usage completion zsh); print $_comps[gc-usage]";
    expect(await inShell("zsh", ["-f", "-c", script])).toBe("_gc-usage");
  });

  it("is also available for PowerShell", async () => {
    const { stdout } = await gcUsage(["completion", "powershell"]);
    expect(stdout).toContain("Register-ArgumentCompleter");
  });
});
