import * as z from "zod";
import type { GenesysClient } from "./client.ts";

const USERS = z.object({
  entities: z.array(z.object({ id: z.string(), name: z.string().optional().catch(undefined) })),
});

/** How many users one call reads; keeps its address well below 8 KB. */
export const USERS_PER_CALL = 50;

/**
 * Reads the names of at most `USERS_PER_CALL` users with one call: `GET /api/v2/users?id=…`. Users without a name, and ids
 * that the service does not know, are not in the result.
 *
 * @throws {GcUsageError} permission, if the token may not read users; otherwise like every call.
 */
export async function readUserNames(
  client: GenesysClient,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Map<string, string>> {
  const query = new URLSearchParams([
    ["pageSize", String(USERS_PER_CALL)],
    // The usage of users who have left remains.
    ["state", "any"],
    ...ids.map((id): [string, string] => ["id", id]),
  ]);
  const answer = await client.json("GET", `/api/v2/users?${query.toString()}`, {
    purpose: "read users' names",
    signal,
  });
  const { entities } = USERS.parse(answer);
  return new Map(entities.flatMap(({ id, name }) => (name ? [[id, name] as const] : [])));
}
