import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tablesOf } from "../engine/athena/dates.ts";
import { GcUsageError } from "../support/errors.ts";
import { reasonOf } from "../support/system-reason.ts";
import { parametersOf, parseQuestion, type Question, replaceParameters } from "./heading.ts";

/** A folder of `.sql` files, each a question of the user. */
export interface OwnFolder {
  readonly path: string;
  /** What sets it, for errors: `--questions` or a variable. */
  readonly from: string;
}

const FILE = /^([a-z0-9]+(?:-[a-z0-9]+)*)\.sql$/;

/**
 * The names of the questions of a folder, in order. Files of other names are ignored.
 *
 * @throws {GcUsageError} input, if the folder cannot be read.
 */
export function ownNames(folder: OwnFolder): string[] {
  return sqlFiles(folder).flatMap((file) => FILE.exec(file)?.[1] ?? []);
}

/** @throws {GcUsageError} input, for a `.sql` file whose name is not a valid name of a question. */
export function checkNames(folder: OwnFolder): void {
  const wrong = sqlFiles(folder).find((file) => !FILE.test(file));
  if (wrong === undefined) return;
  throw new GcUsageError("input", `Invalid name of a question file: ${join(folder.path, wrong)}.`, {
    hint: "Use lower-case letters, digits and hyphens, for example busy-nights.sql.",
  });
}

function sqlFiles({ path, from }: OwnFolder): string[] {
  const files = reading(`Cannot read the folder of questions ${path} (from ${from})`, () =>
    readdirSync(path),
  );
  return files.filter((file) => file.endsWith(".sql") && !file.startsWith(".")).sort();
}

/**
 * A question of the folder; undefined if it has none of that name.
 *
 * @throws {GcUsageError} input, if the folder or file cannot be read, or is not a question.
 */
export function getOwn(folder: OwnFolder, name: string): Question | undefined {
  if (!ownNames(folder).includes(name)) return undefined;
  const file = join(folder.path, `${name}.sql`);
  const content = reading(`Cannot read the question ${file}`, () => readFileSync(file, "utf8"));
  const question = parseQuestion(name, content, file);
  checkReads(file, question.sql);
  return { ...question, file };
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new GcUsageError("input", `${what}: ${reasonOf(error)}.`, { cause: error });
  }
}

const ROWS = `WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to`;

/**
 * What an answer reports about its data is true only if the statement reads the rows that were chosen and checked. Rows
 * of other services and groupings count the same requests again.
 *
 * @throws {GcUsageError} input
 */
function checkReads(file: string, sql: string): void {
  const used = parametersOf(sql);
  const other = tablesIn(sql, used).find(
    ({ name, isBound, isQualified }) => !isBound && (name !== "usage" || isQualified),
  );
  const missing = ["granularity", "service", "grouping", "to"].find((name) => !used.has(name));
  const unbounded = used.has("from") || used.has("before") ? undefined : "from";
  const why = other
    ? `the statement reads ${other.name}${other.isQualified ? " with its database" : ""}, but a question can read only usage`
    : [missing ?? unbounded].flatMap((name) => (name ? `the statement does not use :${name}` : []))[0];
  if (why === undefined) return;
  throw new GcUsageError("input", `${file}: ${why}.`, {
    hint: `Expected: FROM usage with this condition, so that the answer reads the rows that were checked:\n${ROWS}`,
    details: { file },
  });
}

/** The tables of a statement whose words are not replaced yet: `:from` is not the word FROM. */
function tablesIn(sql: string, used: ReadonlySet<string>): ReturnType<typeof tablesOf> {
  const values = [...used].map((name): [string, string] => [name, name === "dates" ? "(VALUES (1))" : "1"]);
  return tablesOf(replaceParameters(sql, new Map(values)));
}
