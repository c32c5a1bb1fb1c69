import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { BIN } from "../../helpers/bin.ts";
import { workFolder } from "../../helpers/folders.ts";
import { tempLake } from "../../helpers/lakes.ts";

/** Prints each resolved module on standard error. */
const HOOK = `
import { register } from "node:module";
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

describe("a laptop run", () => {
  it.each([
    ["status", []],
    ["sql", ["SELECT 1"]],
    ["ask", []],
    ["--help", []],
  ])("of %s on a folder loads no AWS SDK", async (command, args) => {
    const { folder } = await tempLake();
    await mkdir(folder, { recursive: true });
    const lake = command === "--help" ? [] : ["--lake", folder];
    const { modules, exitCode } = await loadedBy([command, ...args, ...lake]);
    expect(exitCode).toBe(0);
    expect(modules.some((line) => line.endsWith("/cli/main.js"))).toBe(true);
    expect(modules.filter((line) => /@aws-sdk|@smithy/.test(line))).toEqual([]);
  });

  it("loads it for a lake in S3, which proves that the test above can detect it", async () => {
    const { modules } = await loadedBy(["status", "--lake", "s3://some-bucket"]);
    expect(modules.filter((line) => line.includes("@aws-sdk/client-s3")).length).toBeGreaterThan(0);
  });
});
