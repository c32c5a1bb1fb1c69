import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A folder elsewhere with the packed package installed, as `npm install` leaves it. */
let folder: string;
let sandbox: Sandbox;
let env: Record<string, string>;

beforeAll(async () => {
  // Not in the tests' own temporary folder: the package's files contain the sandbox's made-up secrets.
  folder = mkdtempSync(join(tmpdir(), "../gc-usage-library-"));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@types"), { recursive: true });
  // Without a network: the files of the package, and its dependencies from here.
  await execa("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT });
  const [tarball = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  await execa("tar", ["-xzf", tarball], { cwd: folder });
  renameSync(join(folder, "package"), join(modules, "gc-usage"));
  const dependencies = join(modules, "gc-usage/node_modules");
  symlinkSync(join(ROOT, "node_modules"), dependencies);
  symlinkSync(join(ROOT, "node_modules/@types/node"), join(modules, "@types/node"));
  symlinkSync(join(ROOT, "node_modules/undici-types"), join(modules, "undici-types"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }');
  sandbox = await startSandbox({
    now: Date.parse("2026-11-20T12:00:00Z"),
    jobDelayMs: 10,
    rateLimit: 1_000_000,
  });
  env = { PATH: process.env["PATH"] ?? "", HOME: folder, ...sandbox.env };
});

afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

/** Checks all files with the strictest settings, and writes them as JavaScript. */
async function compile(files: Readonly<Record<string, string>>): Promise<void> {
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    outDir: "out",
    rootDir: ".",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: Object.keys(files) }),
  );
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const checked = await execa(process.execPath, [tsc, "-p", folder], { reject: false });
  expect(checked.stdout).toBe("");
}

const node = (file: string, args: readonly string[] = []) =>
  execa(process.execPath, [file, ...args], { cwd: folder, env, extendEnv: false });

/** Three lines of a program, and what a program's types must reject. */
const THREE = `import { openLake } from "gc-usage";
const lake = await openLake("usage-lake");
await lake.sync({ last: "90d" });
for (const row of await lake.ask("noisy-clients", { last: "30d", top: 10 })) console.log(row.clientName, row.status429);
`;
const TYPED = `${THREE}const name: string | null | undefined = (await lake.ask("noisy-clients")).rows[0]?.clientName;
void name;
`;
const WRONG = `import { openLake } from "gc-usage";
const lake = await openLake();
const answer = await lake.ask("noisy-clients");
// @ts-expect-error there is no such column
answer.rows[0]?.nosuch;
// @ts-expect-error figures are numbers
const text: string | undefined = answer.rows[0]?.requests;
// @ts-expect-error there is no such option
await lake.sync({ lasts: "90d" });
void text;
`;
const GUIDE = readFileSync(join(ROOT, "docs/library.md"), "utf8");
const EXAMPLES = [...GUIDE.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
const NEXT = "-- the next example --\n";

describe("the installed package", () => {
  test("compiles: three lines, every example of docs/library.md, and no wrong column, question or option", async () => {
    expect(EXAMPLES.length).toBeGreaterThan(6);
    const files: Record<string, string> = { "three.ts": TYPED, "wrong.ts": WRONG };
    for (const [i, text] of EXAMPLES.entries()) files[`example-${i}.ts`] = text;
    await compile(files);
  });

  test("answers in three lines, in strict TypeScript and in plain JavaScript", async () => {
    const compiled = await node("out/three.js");
    writeFileSync(join(folder, "three.mjs"), THREE);
    const plain = await node("three.mjs");
    expect(plain.stdout).toBe(compiled.stdout);
    expect(plain.stdout.split("\n").length).toBeGreaterThan(2);
    expect(plain.stdout).toMatch(/^\S.* \d+$/m);
    expect(plain.stderr).toBe("");
  });

  test("runs every example of docs/library.md", async () => {
    // In one process, because loading the package takes longer than most examples.
    const lines = EXAMPLES.map(
      (_text, i) =>
        `await import("./out/example-${i}.js");\nprocess.stdout.write(${JSON.stringify(NEXT)});\n`,
    );
    writeFileSync(join(folder, "examples.mjs"), lines.join(""));
    const printed = (await node("examples.mjs")).stdout.split(NEXT.trim());
    expect(printed).toHaveLength(EXAMPLES.length + 1);
    for (const [i, text] of EXAMPLES.entries()) expect(printed[i]?.trim(), text).not.toBe("");
  });

  test("has no import of its internals", async () => {
    writeFileSync(join(folder, "inside.mjs"), 'import "gc-usage/dist/lake/lake.js";');
    await expect(node("inside.mjs")).rejects.toThrow("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });
});
