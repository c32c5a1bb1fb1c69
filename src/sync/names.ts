import { join } from "node:path";
import type { GenesysClient } from "../genesys/client.ts";
import { readUserNames, USERS_PER_CALL } from "../genesys/users.ts";
import type { Lake, Slice } from "../lake/lake.ts";
import { type Names, readNames, writeNames } from "../lake/names.ts";
import { type Log, silentLog } from "../support/effects.ts";
import { isGcUsageError, messageOf } from "../support/errors.ts";
import { slicePath } from "../usage/slice.ts";

/** One sync reads at most this many times 50 names. The next one reads more. */
const MAX_CALLS = 20;
const MAX_WAIT_MS = 60_000;
const DAY_MS = 86_400_000;
/** When to try again after the service refused, and when to read a name again, since people change theirs. */
const RETRY_REFUSED_MS = 7 * DAY_MS;
const REFRESH_MS = 30 * DAY_MS;

export interface NamesOptions {
  readonly lake: Lake;
  readonly client: GenesysClient;
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The service's time, in milliseconds. */
  readonly now: number;
}

/**
 * Reads the names of the users in slices of users that a sync wrote, and keeps them in the lake. Names are only for display: a failure
 * is never an error of the sync. If the token may not read users, that is reported once and not tried again for a week.
 *
 * @param before the slices before the sync, and `after` the same ones now.
 */
export async function updateNames(
  options: NamesOptions,
  before: readonly Slice[],
  after: ReadonlyMap<unknown, Slice>,
): Promise<void> {
  const { lake, log = silentLog, signal } = options;
  const ofUsers = [...after.values()].filter(({ state }) => state === "readable");
  if (ofUsers.length === 0 || signal?.aborted) return;
  try {
    const names = await readNames(lake);
    if (options.now - Date.parse(names.content.refusedAt ?? "") < RETRY_REFUSED_MS) return;
    const versions = new Set(before.map(({ object }) => object.version));
    const isFirst = names.object === undefined || names.content.refusedAt !== undefined;
    await readMissing(
      options,
      names,
      ofUsers.filter(({ object }) => isFirst || !versions.has(object.version)),
    );
  } catch (error) {
    if (signal?.aborted) return;
    log.debug(`Could not read the names of users: ${messageOf(error)}`);
  }
}

async function readMissing(
  { lake, client, log = silentLog, signal, now }: NamesOptions,
  { object, content }: Names,
  slices: readonly Slice[],
): Promise<void> {
  const folder = await lake.store.fetchFiles(slices.map((slice) => slice.object));
  const ids = await lake.files.usersIn(slices.map(({ key }) => join(folder, slicePath(key))));
  const readAt = new Date(now).toISOString();
  const isOld = (id: string): boolean => !(now - Date.parse(content.users[id]?.readAt ?? "") < REFRESH_MS);
  const wanted = ids.filter(isOld).slice(0, MAX_CALLS * USERS_PER_CALL);
  if (wanted.length === 0) return;
  const users = { ...content.users };
  const { refusedAt: _refusedAt, ...rest } = content;
  const limited = AbortSignal.any([AbortSignal.timeout(MAX_WAIT_MS), ...(signal ? [signal] : [])]);
  try {
    for (let from = 0; from < wanted.length; from += USERS_PER_CALL) {
      const batch = wanted.slice(from, from + USERS_PER_CALL);
      const found = await readUserNames(client, batch, limited);
      for (const id of batch) users[id] = { name: found.get(id) ?? null, readAt };
    }
    await writeNames(lake, { object, content: { ...rest, users } });
  } catch (error) {
    if (!isGcUsageError(error) || error.kind !== "permission") throw error;
    await writeNames(lake, { object, content: { ...rest, users, refusedAt: readAt } });
    const named = error.details["permissions"];
    const permissions = Array.isArray(named) && named.length > 0 ? named.join(", ") : "to view users";
    log.info(
      `Users are shown by their ids: the token does not have the permission ${permissions}. To show names, add it to a role of the OAuth client.`,
    );
  }
}
