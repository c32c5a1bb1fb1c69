import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { workFolder } from "../helpers/folders.ts";
import { run, runWell } from "../reliability/runs.ts";

const ROWS = '{"date":"2026-01-01","clientId":"c","requests":1,"status200":1}\n';

/** The points where a process has made a private folder, but not yet under its final name. */
const KILLS: [point: string, script: string][] = [
  ["before its lease is there", killIn("mkdirSync", "original(path, ...rest)")],
  ["while its lease is empty", killIn("writeFileSync", 'original(path, "")')],
  ["before it has its final name", killIn("writeFileSync", "original(path, ...rest)")],
];

it.each(KILLS)(
  "a folder of a process that was killed %s is removed by the next one",
  async (_point, script) => {
    const folder = await workFolder();
    const [input, killer, lake] = ["rows.ndjson", "kill.cjs", "lake"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(input, ROWS);
    await writeFile(killer, script);
    await mkdir(lake);
    const load = ["load", input, "--granularity", "day", "--group-by", "client", "--lake", lake];
    const killed = await run(load, { env: { NODE_OPTIONS: `--require=${killer}` } });
    expect(killed.signal, killed.err).toBe("SIGKILL");
    expect((await readdir(join(lake, ".staging"))).join()).toMatch(/^new\./);

    await runWell(load);
    expect(await readdir(lake)).not.toContain(".staging");
  },
);

/** A script that kills its process when it calls a function of `node:fs` with a path inside `.staging/new.…`. */
function killIn(name: string, act: string): string {
  return `const fs = require("node:fs");
const original = fs.${name};
fs.${name} = (path, ...rest) => {
  if (!/[\\\\/]\\.staging[\\\\/]new\\./.test(String(path))) return original(path, ...rest);
  ${act};
  process.kill(process.pid, "SIGKILL");
};
require("node:module").syncBuiltinESMExports();
`;
}
