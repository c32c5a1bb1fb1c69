import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

/**
 * One folder per case. `command` contains command lines (words may be in single quotes, `< FILE` is standard input),
 * which run one after the other in a copy of `input`. `expected` contains stdout, stderr, and one exit code per line.
 * UPDATE_CASES=1 overwrites the expected output; check the diff before you commit it.
 */
const CASES = fileURLToPath(new URL("../cases", import.meta.url));
const names = readdirSync(CASES).filter((name) => existsSync(join(CASES, name, "command")));

describe("the case", () => {
  it.each(names)("%s", async (name) => {
    const cwd = await workFolder(join(CASES, name, "input"));
    const lines = (await readFile(join(CASES, name, "command"), "utf8")).trimEnd().split("\n");
    const got = { stdout: "", stderr: "", exit: "" };
    for (const line of lines) {
      const { args, stdin } = wordsOf(line);
      const input = stdin === undefined ? "" : await readFile(join(cwd, stdin));
      const ran = await gcUsage(args, { cwd, input });
      got.stdout += ran.stdout;
      got.stderr += ran.stderr;
      got.exit += `${ran.exitCode}\n`;
    }
    const folder = join(CASES, name, "expected");
    for (const [what, text] of Object.entries(got)) {
      if (process.env["UPDATE_CASES"] === "1") {
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, what), text);
      }
      expect(text, what).toBe(await readFile(join(folder, what), "utf8"));
    }
  });
});

function wordsOf(line: string): { args: string[]; stdin: string | undefined } {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  const from = words.indexOf("<");
  const [program, ...args] = from === -1 ? words : words.slice(0, from);
  if (program !== "gc-usage") throw new Error(`a case must run gc-usage, not ${program}`);
  return { args, stdin: from === -1 ? undefined : words[from + 1] };
}
