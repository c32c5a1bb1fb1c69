import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FILES = execFileSync("git", ["ls-files", "*.md"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");

/** A guide without its code blocks. */
function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8").replace(/^ *```[\s\S]*?^ *```/gm, "");
}

/** The anchors that GitHub gives to a guide's headings. */
function anchorsOf(file: string): Set<string> {
  const headings = [...textOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("every link between the guides leads to a file and a heading", () => {
  const broken = FILES.flatMap((file) =>
    [...textOf(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
      ([link, path = "", anchor]) => {
        const target = path === "" ? file : relative(ROOT, join(ROOT, dirname(file), path));
        const leads =
          existsSync(join(ROOT, target)) && (anchor === undefined || anchorsOf(target).has(anchor));
        return leads ? [] : [`${file}: ${link}`];
      },
    ),
  );
  expect(FILES.length).toBeGreaterThan(15);
  expect(broken).toEqual([]);
});

test("every file of the project that a guide names exists", () => {
  const FOLDERS = "src|test|scripts|docs|infra|bench";
  const named = FILES.flatMap((file) =>
    [...textOf(file).matchAll(new RegExp(`(?<![\\w./])((?:${FOLDERS})/[\\w./-]+\\.[a-z]+)\\b`, "g"))].map(
      ([, path = ""]) => ({ file, path }),
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  // NAME stands for a file to be added.
  const missing = named.filter(({ path }) => !path.includes("NAME") && !existsSync(join(ROOT, path)));
  expect(missing).toEqual([]);
});
