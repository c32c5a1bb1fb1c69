import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { damagedAnswer } from "./bad-answers.ts";
import { damagedConfig, damagedQuery } from "./bad-input.ts";
import { Faults, faultOfText } from "./judge.ts";
import { run } from "./runs.ts";
import { Chance, size } from "./size.ts";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  await mkdir(join(home, ".gc"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const times = size({ short: 2, full: 75 });

/** The commands, their arguments, and the exit codes allowed for bad input. */
const COMMANDS: [args: string[], input: (chance: Chance) => Buffer, codes: number[]][] = [
  [["load", "-", "--granularity", "day"], damagedAnswer, [0, 2, 5, 6, 7, 8]],
  [["rows", "-"], damagedAnswer, [0, 2, 5, 6, 7]],
  [["submit", "-f", "-", "--dry-run"], damagedQuery, [0, 2]],
  [["submit", "--interval", "2026-10-01/2026-10-02", "--profile", "none"], damagedConfig, [2]],
];

it.each(COMMANDS)(
  `the command %j rejects bad input with the right exit code, without a stack trace and without a trace on disk, ${times} times`,
  async (args, make, codes) => {
    const chance = new Chance(args.join(" "));
    const faults = new Faults();
    for (let i = 0; i < times; i++) {
      const input = make(chance);
      await writeFile(join(home, ".gc", "config.toml"), make === damagedConfig ? input : "");
      const { code, err } = await run(args, { env: { HOME: home }, cwd: home, input });
      const left = code !== 0 && existsSync(join(home, "usage-lake")) ? "a lake is left" : undefined;
      const wrong = codes.includes(code ?? -1) ? faultOfText(err) : `exit code ${code}: ${err.slice(0, 500)}`;
      faults.add(`case ${i}`, wrong ?? left, input);
      await rm(join(home, "usage-lake"), { recursive: true, force: true });
    }
    expect(faults.list()).toEqual([]);
  },
);
