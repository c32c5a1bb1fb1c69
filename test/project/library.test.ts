import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { startSandbox } from "../../src/sandbox/sandbox.ts";

test("the example in docs/library.md runs unchanged with the built library", async () => {
  const guide = readFileSync(new URL("../../docs/library.md", import.meta.url), "utf8");
  const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(guide) ?? [];
  const library = new URL("../../dist/index.js", import.meta.url).href;
  const folder = mkdtempSync(join(tmpdir(), "gc-usage-library-"));
  writeFileSync(join(folder, "example.mjs"), example.replace('"gc-usage"', JSON.stringify(library)));
  const sandbox = await startSandbox({ now: Date.parse("2026-11-20T12:00:00Z"), jobDelayMs: 10 });
  try {
    const env = { PATH: process.env["PATH"] ?? "", HOME: folder, ...sandbox.env };
    const ran = await execa(process.execPath, ["example.mjs"], { cwd: folder, env, extendEnv: false });
    expect(Number(ran.stdout)).toBeGreaterThan(10_000);
  } finally {
    await sandbox.close();
    rmSync(folder, { recursive: true });
  }
});
