/**
 * The clients of Genesys Cloud's own apps, by id or name. The jobs service counts their requests, the legacy service does not, and
 * they are not billable.
 */
const BUILT_IN_CLIENTS: readonly string[] = ["purecloud", "purecloud-builtin"];

export function isBuiltIn(id: string | null | undefined, name: string | null | undefined): boolean {
  return [id, name].some((text) => text !== null && text !== undefined && BUILT_IN_CLIENTS.includes(text));
}
