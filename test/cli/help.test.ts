import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { version } from "../../src/cli/version.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

/** Lines that are too wide for a terminal of 80 cells, except examples, which must stay on one line to be copied. */
function tooWide(help: string): string[] {
  return help.split("\n").filter((line) => line.length > 80 && !/^ {2}\S*gc.usage /.test(line));
}

/** The names of a command's subcommands, from its help. */
function subcommands(help: string): string[] {
  const [, list = ""] = /\nCommands:\n([\s\S]*?)(\n\n|$)/.exec(help) ?? [];
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "help");
}

async function run(...args: string[]) {
  return await gcUsage(args, { cwd: await workFolder() });
}

describe.concurrent("help", () => {
  it.each(COMMANDS.map(({ name }) => name))(
    "of %s and its subcommands has an example and each flag once",
    async (name) => {
      const top = await run(name, "--help");
      const below = subcommands(top.stdout);
      const pages = [top, ...(await Promise.all(below.map((child) => run(name, child, "--help"))))];
      for (const { exitCode, stdout, stderr } of pages) {
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
        expect(stdout).toMatch(/^Usage: gc-usage [a-z]/);
        expect(tooWide(stdout)).toEqual([]);
        if (!stdout.includes("\nCommands:\n")) expect(stdout).toMatch(/\nExamples?:\n {2}\S/);
        for (const flag of ["--debug", "-q, --quiet", "-h, --help"]) {
          expect(stdout.split(`  ${flag} `).length - 1, flag).toBeLessThanOrEqual(1);
        }
      }
    },
  );

  it("is the same with --help, -h and the help command", async () => {
    const [bare, flag, short, word] = await Promise.all([run(), run("--help"), run("-h"), run("help")]);
    expect(bare).toMatchObject({ exitCode: 0, stderr: "" });
    expect(bare.stdout).toMatch(/^Usage: gc-usage \[options\] \[command\]/);
    expect(bare.stdout).toMatch(/Exit codes: 0 done/);
    expect(tooWide(bare.stdout)).toEqual([]);
    for (const { name, summary } of COMMANDS.filter(({ hidden }) => !hidden))
      expect(bare.stdout).toMatch(new RegExp(`\\n {2}${name} .*${summary.slice(0, 8)}`));
    for (const other of [flag, short, word]) expect(other).toEqual(bare);
    const [sync, helpSync] = await Promise.all([run("status", "--help"), run("help", "status")]);
    expect(helpSync).toEqual(sync);
    const [deploy, aws] = await Promise.all([run("aws", "deploy", "--help"), run("aws")]);
    expect(await run("aws", "help", "deploy")).toEqual(deploy);
    expect(await run("help", "aws", "deploy")).toEqual(deploy);
    expect((await run("help", "aws")).stdout).toBe(aws.stdout);
    expect(await run("help", "help")).toEqual(word);
    expect(aws).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Usage: gc-usage aws/),
      stderr: "",
    });
  });

  it("prints the version", async () => {
    for (const flag of ["--version", "-V"])
      expect(await run(flag)).toEqual({ exitCode: 0, stdout: `${version()}\n`, stderr: "" });
  });
});

describe.concurrent("an invalid command line", () => {
  it.each([
    [["foo"], /^error: unknown command 'foo'\nSee `gc-usage --help`\.\n$/],
    [["statsu"], /^error: unknown command 'statsu'\nDid you mean status\? See/],
    [["help", "statsu"], /^error: unknown command 'statsu'\nDid you mean status\? See/],
    [["help", "aws", "foo"], /^error: unknown command 'foo'\nSee `gc-usage aws --help`\.\n$/],
    [["help", "aws", "deply"], /^error: unknown command 'deply'\nDid you mean deploy\? See/],
    [["aws", "help", "deply"], /^error: unknown command 'deply'\nDid you mean deploy\? See/],
    [["aws", "deply"], /^error: unknown command 'deply'\nDid you mean deploy\? See/],
    [["help", "status", "more"], /^error: unknown command 'more'\nSee `gc-usage status --help`\.\n$/],
    [["status", "--engine"], /^error: unknown option '--engine'/],
    [["ask", "--engine", "athna"], /argument 'athna' is invalid[^\n]*\nDid you mean athena\? See/],
    [["foo", "bar", "--baz"], /^error: unknown command 'foo'/],
    [["foo", "--help"], /^error: unknown command 'foo'/],
    [["help", "foo"], /^error: unknown command 'foo'/],
    [["aws", "foo"], /^error: unknown command 'foo'\nSee `gc-usage aws --help`\.\n$/],
    [["-q", "foo"], /^error: unknown command 'foo'/],
    [["--lake", "x", "status"], /^error: unknown option '--lake'/],
    [["status", "--lak", "x"], /^error: unknown option '--lak'\nDid you mean --lake\? See/],
    [["status", "more"], /^error: too many arguments for 'status'.*\nSee `gc-usage status --help`\.\n$/],
    [["status", "--lake"], /^error: option '--lake <where>' argument missing/],
  ])("%j fails with exit code 2 and a hint", async (args, message) => {
    const ran = await run(...args);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toMatch(/See `gc-usage (status |aws |ask )?--help`/);
  });

  it("is reported as JSON with --json", async () => {
    const ran = await run("status", "--lak", "x", "--json");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(JSON.parse(ran.stderr)).toEqual({
      error: {
        kind: "input",
        exitCode: 2,
        message: "unknown option '--lak'",
        hint: "Did you mean --lake? See `gc-usage status --help`.",
      },
    });
  });

  it("is reported as JSON even if --json is the only option", async () => {
    for (const args of [
      ["rows", "nowhere"],
      ["submit", "-f", "nowhere"],
      ["results", "a/b"],
    ]) {
      const ran = await run(...args, "--json");
      expect(JSON.parse(ran.stderr)).toMatchObject({ error: { kind: "input", exitCode: 2 } });
    }
  });
});
