import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { BIN } from "../helpers/bin.ts";
import { skipped } from "../helpers/machine.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKAGE = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { engines: { node: string } };

/** Versions of Node.js that `.ci/run` installed, each with its executable. */
function installed(): { version: string; node: string }[] {
  const cache = join(ROOT, ".cache");
  const folders = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith("node-")) : [];
  return folders.flatMap((name) => {
    const node = join(cache, name, "node_modules", `node-linux-${process.arch}`, "bin", "node");
    return existsSync(node) ? [{ version: name.slice("node-".length), node }] : [];
  });
}

describe("a version of Node.js that is too old", () => {
  it("causes a message with the required version", () => {
    const old = installed().filter(({ version }) => Number.parseInt(version, 10) < 20);
    if (old.length === 0) return void skipped("no Node.js before 20 below .cache; .ci/run installs 18");
    for (const { version, node } of old) {
      const ran = outcome(node, ["--version"]);
      expect([version, ran.status, ran.stdout]).toEqual([version, 2, ""]);
      expect(ran.stderr).toMatch(
        /^error: gc-usage needs Node\.js 20\.19 or later, but this is Node\.js \d+\.\d+\.\d+ \(.*\)\.\nInstall .*\n$/,
      );
    }
  });

  it("is excluded by package.json", () => {
    expect(PACKAGE.engines.node).toBe(">=20.19.0");
  });

  it("can parse the code that checks the version", () => {
    const text = readFileSync(BIN, "utf8");
    expect(text).not.toMatch(/^import\b/m);
    expect(text).not.toMatch(/\?\?|\?\.|\bawait\b|node:/);
  });
});

function outcome(node: string, args: readonly string[]): { status: number; stdout: string; stderr: string } {
  try {
    return { status: 0, stdout: execFileSync(node, [BIN, ...args], { encoding: "utf8" }), stderr: "" };
  } catch (error) {
    return error as { status: number; stdout: string; stderr: string };
  }
}
