import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { BIN } from "../../helpers/bin.ts";
import { workFolder } from "../../helpers/folders.ts";
import { tempLake } from "../../helpers/lakes.ts";

/** Prints each module on standard error: imported ones with their address, required ones as they are named. */
const HOOK = `
import { writeSync } from "node:fs";
import Module, { register } from "node:module";
const load = Module._load;
Module._load = function (name, ...rest) {
  writeSync(2, "LOADED " + name + "\\n");
  return load.call(this, name, ...rest);
};
const hooks = \`import { writeSync } from "node:fs";
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  writeSync(2, "LOADED " + found.url + "\\\\n");
  return found;
}\`;
register("data:text/javascript," + encodeURIComponent(hooks));
`;

async function loadedBy(
  args: readonly string[],
): Promise<{ modules: string[]; exitCode: number | undefined }> {
  const folder = await workFolder();
  const hook = join(folder, "hook.mjs");
  await writeFile(hook, HOOK);
  const done = await execa(process.execPath, ["--import", pathToFileURL(hook).href, BIN, ...args], {
    reject: false,
    extendEnv: false,
    env: {
      PATH: process.env["PATH"],
      GC_USAGE_CACHE: join(folder, "cache"),
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    },
  });
  const modules = done.stderr.split("\n").filter((line) => line.startsWith("LOADED "));
  return { modules, exitCode: done.exitCode };
}

/** Large packages that only some commands need. */
const LARGE =
  /(?:node_modules\/|LOADED )(?:@aws-sdk|@smithy|@duckdb|@modelcontextprotocol|hono|@hono|preact|preact-render-to-string|prom-client|undici|zod|yaml|write-excel-file)\b/;

describe("a laptop run", () => {
  it("of --version loads no package, of --help no large one, and of status neither DuckDB nor a server's", async () => {
    const { folder } = await tempLake();
    await mkdir(folder, { recursive: true });
    const version = await loadedBy(["--version"]);
    expect(version.exitCode).toBe(0);
    expect(version.modules.some((line) => line.endsWith("/cli/version.js"))).toBe(true);
    expect(version.modules.filter((line) => line.includes("node_modules"))).toEqual([]);
    for (const args of [["--help"], ["status", "--lake", folder]]) {
      const { modules, exitCode } = await loadedBy(args);
      expect(exitCode).toBe(0);
      expect(modules.filter((line) => LARGE.test(line))).toEqual([]);
    }
  });

  it.each([
    ["sql", ["SELECT 1"]],
    ["ask", []],
  ])(
    "of %s on a folder loads no AWS SDK, and no reader of files that it is not given",
    async (command, args) => {
      const { folder } = await tempLake();
      await mkdir(folder, { recursive: true });
      const { modules, exitCode } = await loadedBy([command, ...args, "--lake", folder]);
      expect(exitCode).toBe(0);
      expect(modules.some((line) => line.endsWith("/cli/main.js"))).toBe(true);
      expect(modules.filter((line) => /@aws-sdk|@smithy|\/yaml\/|\/csv-parse\//.test(line))).toEqual([]);
      if (command === "sql") expect(modules).toContain("LOADED @duckdb/node-api");
    },
  );

  it("loads it for a lake in S3, which proves that the tests above can detect it", async () => {
    const { modules } = await loadedBy(["status", "--lake", "s3://some-bucket"]);
    expect(modules.filter((line) => line.includes("@aws-sdk/client-s3")).length).toBeGreaterThan(0);
  });
});
