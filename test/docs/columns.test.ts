import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { list } from "../../src/questions/questions.ts";
import { USAGE_COLUMNS } from "../../src/usage/columns.ts";

const guide = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

test("docs/lake.md has every column of the usage API, with its description", () => {
  const lines = guide("lake.md").split("\n");
  const missing = USAGE_COLUMNS.map(({ name, type, description }) => {
    const shown = type === "bigint" ? "64-bit integer" : "text";
    return `| \`${name}\` | ${shown} | ${description} |`;
  }).filter((line) => !lines.includes(line));
  expect(missing).toEqual([]);
});

test("docs/answers.md has every question, with columns that its statement returns", () => {
  const text = guide("answers.md");
  const wrong = list().flatMap(({ name, sql }) => {
    const [, columns] = new RegExp(`^\\| \`${name}\` \\| (.+) \\|$`, "m").exec(text) ?? [];
    if (columns === undefined) return [name];
    const statement = sql.replaceAll(":periods", "days").replaceAll(":period", "day");
    const names = [...columns.matchAll(/`(\w+)`/g)].map(([, column = ""]) => column);
    return names
      .filter((column) => !new RegExp(`\\b${column}\\b`).test(statement))
      .map((column) => `${name}: ${column}`);
  });
  expect(wrong).toEqual([]);
});
