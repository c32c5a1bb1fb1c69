/** Loads the parser of rules files, which only `check` needs: `readRules` and the JSON Schema, `rulesSchema`. */
export async function loadRules(): Promise<typeof import("./rules-file.ts")> {
  return await import("./rules-file.ts");
}
