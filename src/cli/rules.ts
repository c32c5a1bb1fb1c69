import { DEFAULT_RULES, loadRules, type Rule } from "../index.ts";

/** The rules of a file, or the built-in ones. @throws {GcUsageError} input, if the file cannot be read or has mistakes. */
export async function rulesOf(file: string | undefined): Promise<readonly Rule[]> {
  return file === undefined ? DEFAULT_RULES : await (await loadRules()).readRules(file);
}
