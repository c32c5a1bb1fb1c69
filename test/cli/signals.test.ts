import { execFileSync } from "node:child_process";
import { constants, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { hasTerminal, onTerminal } from "../helpers/terminal.ts";

/** Rows of an endless response. */
const BEGINNING = `{"results":[${'{"clientId":"c1","requests":1,"date":"2021-01-12"},'.repeat(100)}`;
const STOPPED = "\nStopping. Press Ctrl-C again to stop at once.\nerror: Interrupted.\n";

/** Opens a FIFO for writing, once the process reads it. */
async function writerOf(fifo: string, running: ReturnType<typeof start>): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (running.exitCode !== null) throw new Error("it ended before it started to read", { cause: error });
      await sleep(5);
    }
  }
}

async function fifoIn(cwd: string): Promise<string> {
  const fifo = join(cwd, "fifo");
  execFileSync("mkfifo", [fifo]);
  mkdirSync(join(cwd, "tmp"));
  return await Promise.resolve(fifo);
}

describe.concurrent("a signal ends a command that reads", () => {
  it.each([
    ["load", ["load", "FIFO", "--granularity", "day", "--service", "legacy"]],
    ["upload", ["upload", "FIFO", "--granularity", "day"]],
    ["rows", ["rows", "FIFO"]],
    ["submit", ["submit", "-f", "FIFO"]],
    ["sql", ["sql", "--file", "FIFO"]],
  ])("%s, and leaves nothing behind", async (_name, args) => {
    for (const [signal, content] of [
      ["SIGINT", BEGINNING],
      ["SIGTERM", ""],
    ] as const) {
      const cwd = await workFolder();
      const fifo = await fifoIn(cwd);
      const env = { TMPDIR: join(cwd, "tmp") };
      const running = start(
        args.map((arg) => (arg === "FIFO" ? fifo : arg)),
        { cwd, env },
      );
      const writer = await writerOf(fifo, running);
      try {
        await writer.write(content);
        running.kill(signal);
        const { exitCode, stderr } = await running;
        expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: STOPPED });
      } finally {
        await writer.close();
      }
      expect(readdirSync(cwd).sort()).toEqual(["fifo", "tmp"]);
      expect(readdirSync(join(cwd, "tmp"))).toEqual([]);
    }
  });

  it("that reads a terminal without further input", async () => {
    if (!hasTerminal()) return;
    const cwd = await workFolder();
    // The printed row, which has no spaces, unlike the echo of the typed row, shows that it reads.
    const running = onTerminal(["rows", "-"], {
      cwd,
      keys: [{ type: '{"clientId": "c1", "requests": 1}\n' }, { after: /"c1","requests"/, type: "\u0003" }],
    });
    expect(await running).toMatchObject({ exitCode: 130, shown: expect.stringContaining("Interrupted.") });
  });

  it("whose output nobody reads", async () => {
    const cwd = await workFolder();
    writeFileSync(
      join(cwd, "answer.json"),
      `[${'{"clientId":"c1","requests":1},'.repeat(100_000).slice(0, -1)}]`,
    );
    const running = start(["rows", "answer.json"], { cwd });
    running.stdout.pause();
    await new Promise((resolve) => running.stdout.once("readable", resolve));
    running.kill("SIGINT");
    const { exitCode, stderr } = await running;
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: STOPPED });
  });
});

it("a lake in a folder that cannot contain files is rejected instead of waiting forever", async () => {
  if (!existsSync("/proc/self")) return;
  const cwd = await workFolder();
  writeFileSync(join(cwd, "answer.json"), '[{"clientId":"c1","requests":1,"date":"2021-01-12"}]');
  for (const lake of ["/proc/gc-usage/lake", "/proc/gc-usage", "/proc/self/gc-usage"]) {
    const args = ["load", "answer.json", "--granularity", "day", "--service", "legacy", "--lake", lake];
    const ran = await gcUsage(args, { cwd });
    expect([lake, ran.exitCode, ran.stderr]).toEqual([
      lake,
      9,
      expect.stringMatching(/^error: .*\/proc\/.*\n.*\n$/),
    ]);
  }
});
