import * as z from "zod";
import { LICENSES, type LicenseCount, licenseName, licenseNamed } from "../insight/allowance.ts";
import { GcUsageError } from "../support/errors.ts";
import { suggesting } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { readText } from "./read-text.ts";
import { parseYaml } from "./yaml-text.ts";

const COUNT = z.number().nonnegative();
const ENTRY = z.union([
  COUNT,
  z.strictObject({ committed: COUNT.optional(), actual: COUNT.optional(), requests: COUNT.optional() }),
]);
type Entry = z.infer<typeof ENTRY>;

const EXAMPLE = "cx3=100,cx2-concurrent=20";

/**
 * The licenses of a list, `cx3=100,cx2-concurrent=20`, or of a YAML or JSON file with the same names:
 * `cx3: 100` or `cx3: { committed: 100, actual: 120 }`. With `requests`, a license has other free requests than in the policy, or is
 * one that the policy does not have.
 *
 * @throws {GcUsageError} input, with the place and what is expected.
 */
export async function readLicenses(text: string): Promise<LicenseCount[]> {
  const isList = text.includes("=");
  const entries = isList || text.trim() === "" ? entriesOf(text) : await entriesIn(text);
  const found: LicenseCount[] = [];
  for (const [given, entry] of entries) {
    const license = licenseOf(given, entry, isList ? "--licenses" : text);
    if (found.some(({ name }) => name === license.name))
      throw new GcUsageError("input", `Invalid --licenses: ${quoted(license.name)} occurs twice.`, {
        hint: "Add the numbers together.",
      });
    found.push(license);
  }
  return found;
}

function entriesOf(text: string): [name: string, entry: Entry][] {
  const parts = text.split(",").filter((part) => part.trim() !== "");
  if (parts.length === 0)
    throw new GcUsageError("input", "Invalid --licenses: it is empty.", {
      hint: `Use for example --licenses ${EXAMPLE}, or a YAML or JSON file.`,
    });
  return parts.map((part) => {
    const [, name = "", count = ""] = /^([^=]+)=\s*(\d{1,9}(?:\.\d+)?)\s*$/.exec(part) ?? [];
    if (count !== "") return [name, Number(count)];
    throw new GcUsageError("input", `Invalid --licenses: ${quoted(part.trim())} (expected license=number).`, {
      hint: `For example: --licenses ${EXAMPLE}`,
    });
  });
}

async function entriesIn(file: string): Promise<[name: string, entry: Entry][]> {
  const hint = `Check the path, or set the licenses directly: --licenses ${EXAMPLE}`;
  const value = parseYaml(await readText(file, `the licenses ${file}`, hint), file);
  const content = z.record(z.string(), z.unknown()).safeParse(value);
  if (!content.success || Object.keys(content.data).length === 0)
    throw new GcUsageError("input", `${file} has no licenses.`, {
      hint: "Write a line for each license, for example `cx3: 100`.",
    });
  return Object.entries(content.data).map(([name, value]) => {
    const entry = ENTRY.safeParse(value);
    if (entry.success) return [name, entry.data];
    throw new GcUsageError("input", `${file}, at ${name}: invalid value ${quoted(value)}.`, {
      hint: "Use a number, or { committed: 100, actual: 120 }, and optionally requests: the free requests of one unit.",
    });
  });
}

function licenseOf(given: string, entry: Entry, where: string): LicenseCount {
  const { committed, actual, requests } = typeof entry === "number" ? { committed: entry } : entry;
  // "The base is the greater of committed and actual users."
  const count = Math.max(committed ?? 0, actual ?? 0);
  const known = licenseNamed(given);
  if (requests !== undefined)
    return { name: known?.name ?? licenseName(given), requests, count, assumption: undefined };
  if (known) return { ...known, count };
  const names = LICENSES.map(({ name }) => name);
  throw new GcUsageError("input", `Invalid ${where}: unknown license ${quoted(given.trim())}.`, {
    hint: suggesting(
      licenseName(given),
      names,
      `Licenses: ${names.join(", ")}. In a file, another one can have its own requests: { committed: 10, requests: 5000 }.`,
    ),
  });
}
