import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/**
 * `npm run prose`: finds phrases that read like a translation, and British spellings. CONTRIBUTING.md describes how we
 * write. `npm run check` runs it on the files in CLEAN. Give file names to check others: `npm run prose -- src/cli/*.ts`.
 */
const PATTERNS: readonly (readonly [find: RegExp, instead: string])[] = [
  [
    /(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|different\b)\w+/,
    "say what was expected: Invalid X: Y (expected …)",
  ],
  [/make-believe/, "simulated"],
  [/\bland(?:s|ed|ing)?\b/, "store, import or write"],
  [/\b(?:go|goes|gone|going|went) on (?:with|from|where)\b/, "resume"],
  [/\b(?:is|are|was|were|be|been) told\b|\btells?\b/, "report, say, show"],
  [/\bmend(?:s|ed|ing)?\b/, "fix, repair"],
  [/\bdefects?\b/, "bug"],
  [/\bas whom\b/, "set the region and credentials"],
  [/\breads? again\b|\bread anew\b|\basked anew\b/, "refetch, query again"],
  [/\bknow(?:s|n)? (?:less|more)\b/, "covers less, covers more"],
  [/\black(?:s|ed|ing)?\b/, "is missing, has no"],
  [/\bfor ever\b/, "forever"],
  [/\bwithout a word\b|\bwhich is said\b|\bit is said\b/, "silently; the program says so"],
  [/\bbesides?\b/, "also, next to, in addition"],
  [/\b(?:in|by|for|of|to|with) (?:\w+ )?alone\b/, "only"],
  [/\bin vain\b|\bmeanwhile\b|\bhitherto\b|\bthereof\b|\bwhereupon\b/, "plain words"],
  [/\ball the same\b|\bof no use\b|\bhalf-way\b|\bquarter of an hour\b/, "plain words"],
  [
    /\bneighbouring\b|\bneighbour|\bbehaviour|\bcolour|\bhonour|\bfavour|\bcentre\b|\blicence\b|\bcatalogue\b/,
    "American spelling",
  ],
  [
    /\b\w*(?:ganis|cognis|ormalis|rialis|nimis|timis|ummaris|ategoris|uthoris|ustomis)(?:e|ed|es|ing|ation|ations)\b/,
    "American spelling: -ize",
  ],
  [/\bcancelled\b|\bcancelling\b|\blabelled\b|\btravelled\b/, "American spelling: one l"],
];

/** Spellings of an API, and names in the code. */
const ALLOWED =
  /Cancelled|\/cancelled\/|"land"|land\.ts|landRows|CANCELLED|landing\b.*stage|(?:type|interface|extends) Landed|[:<] ?Landed\b|\.lacks\b|\{ lacks\b|\blacks(?:\.join|: readonly|: metrics)/;

/** Files without these phrases. To follow: test, scripts. */
const CLEAN = [/\.md$/, /^(?:\.ci|\.github|bench|infra|scripts\/template|src)\//];

export interface Finding {
  /** Counted from 1. */
  readonly line: number;
  readonly phrase: string;
  readonly instead: string;
}

/** The phrases in a text, also those that a line break divides. */
export function findPhrases(text: string): Finding[] {
  const lines = text.split("\n");
  // A name in code, such as a member of an answer, is not ours to choose here.
  const prose = text.replace(/`\w+`/g, (name) => "`".repeat(name.length));
  return PATTERNS.flatMap(([find, instead]) => {
    const anywhere = new RegExp(find.source.replaceAll(" ", "\\s+"), "gi");
    return [...prose.matchAll(anywhere)].map(({ index, 0: phrase }): Finding => {
      const line = text.slice(0, index).split("\n").length;
      return { line, phrase: phrase.replace(/\s+/g, " "), instead };
    });
  })
    .filter(({ line }) => !ALLOWED.test(lines[line - 1] ?? ""))
    .sort((a, b) => a.line - b.line);
}

function filesToCheck(): string[] {
  return execFileSync("git", ["ls-files"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => CLEAN.some((clean) => clean.test(file)));
}

function check(files: readonly string[]): void {
  const found = files.flatMap((file) =>
    findPhrases(readFileSync(file, "utf8")).map((finding) => ({ file, ...finding })),
  );
  for (const { file, line, phrase, instead } of found)
    process.stdout.write(`${file}:${line}: "${phrase}": ${instead}\n`);
  if (found.length === 0) return;
  process.stderr.write(`${found.length} phrases to rewrite. CONTRIBUTING.md describes how we write.\n`);
  process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , ...given] = process.argv;
  check(given.length > 0 ? given : filesToCheck());
}
