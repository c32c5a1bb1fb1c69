import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Everything that shows SQL to people: guides, help, the questions, the template's named queries. */
function texts(): [file: string, text: string][] {
  const files = ["README.md", "docs", "infra", "src/cli", "src/aws", "src/questions/sql"].flatMap((place) =>
    place.endsWith(".md")
      ? [place]
      : readdirSync(join(ROOT, place), { recursive: true, encoding: "utf8" })
          .filter((name) => /\.(?:md|ya?ml|ts|sql)$/.test(name))
          .map((name) => join(place, name)),
  );
  return files.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]);
}

/** The columns of a list, commas between parentheses left alone. */
function columns(list: string): string[] {
  const found: string[] = [""];
  let depth = 0;
  for (const char of list) {
    if (char === "(") depth++;
    if (char === ")") depth--;
    if (char === "," && depth === 0) found.push("");
    else found[found.length - 1] += char;
  }
  return found.map((column) => column.trim());
}

/** What each SELECT with a GROUP BY groups by, numbers replaced by the columns that they stand for. */
function groupings(text: string): string[][] {
  const statements = text.matchAll(
    /\bSELECT\b((?:(?!\bSELECT\b)[\s\S])*?)\bFROM\b(?:(?!\bSELECT\b)[\s\S])*?\bGROUP BY\s+([\w", ]+?)(?=\s*(?:ORDER|HAVING|LIMIT|["'`)]|$|\n))/gim,
  );
  return [...statements].map(([, selected = "", by = ""]) =>
    columns(by).map((column) =>
      /^\d+$/.test(column) ? (columns(selected)[Number(column) - 1] ?? "") : column,
    ),
  );
}

test("examples never merge two clients of one name: who groups by clientName groups by clientId too", () => {
  const found = texts().flatMap(([file, text]) => groupings(text).map((by) => ({ file, by })));
  expect(found.length).toBeGreaterThan(10);
  const merging = found.filter(
    ({ by }) =>
      by.some((column) => /^clientName\b/i.test(column)) && !by.some((column) => /^clientId\b/i.test(column)),
  );
  expect(merging).toEqual([]);
});

test("the check sees a grouping by name, also by its number and over several lines", () => {
  for (const sql of [
    `gc-usage sql "SELECT clientName, sum(requests) FROM daily GROUP BY 1 ORDER BY 2 DESC"`,
    "SELECT sum(coalesce(a, b)), clientName\nFROM usage\nWHERE a = 'x'\nGROUP BY 2\nORDER BY 1",
    "SELECT max(clientId), sum(requests) FROM daily GROUP BY clientName",
  ]) {
    expect(
      groupings(sql)
        .flat()
        .some((column) => column.startsWith("clientName")),
      sql,
    ).toBe(true);
  }
});
