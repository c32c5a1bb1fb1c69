/** Loads the parser of rules files, which only `check` needs: `readRules` and the JSON Schema, `rulesSchema`. */
export async function loadRules() {
  const { readRules, parseRules, rulesText, rulesSchema } = await import("./rules-file.ts");
  return { readRules, parseRules, rulesText, rulesSchema };
}
