const KEY = "gc-usage-sql";
const MOST = 30;

/** The last statements of this browser, the newest first. */
export function readHistory(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((sql) => typeof sql === "string") : [];
  } catch {
    return [];
  }
}

export function addToHistory(sql: string): readonly string[] {
  const next = [sql, ...readHistory().filter((other) => other !== sql)].slice(0, MOST);
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Without storage there is no history, but statements run.
  }
  return next;
}
