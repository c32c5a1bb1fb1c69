import * as z from "zod";
import { isGcUsageError } from "../support/errors.ts";
import { LABELS_FILE, NAMES_FILE } from "../usage/lake-path.ts";
import type { Lake } from "./lake.ts";
import { readSideFile, replaceSideFile, type SideFile } from "./side-file.ts";
import type { StoredObject } from "./store.ts";

/** A user's name, null for an id that the service does not know, and when it was read (ISO 8601). */
const READ_NAME = z.object({ name: z.string().nullable(), readAt: z.string() });

/** The file of names in a lake. Keys of later versions are kept. */
const NAMES = z.looseObject({
  /** By id. */
  users: z.record(z.string(), READ_NAME).catch({}),
  /** When the service last refused to return users' names (ISO 8601). */
  refusedAt: z.string().optional().catch(undefined),
});

export interface Names {
  readonly object: StoredObject | undefined;
  readonly content: z.infer<typeof NAMES>;
}

/**
 * The names that a lake has for ids. Names are only for display, so a file that is missing, not permitted or not readable
 * counts as empty.
 */
export async function readNames(lake: Lake): Promise<Names> {
  const found = await read(lake, NAMES_FILE);
  try {
    const content = NAMES.safeParse(JSON.parse(found?.text ?? "{}")).data;
    if (content) return { object: found?.object, content };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { object: found?.object, content: { users: {} } };
}

/** The text of the lake's own labels file; undefined if it has none, or it may not be read. */
export async function readLabelsFile(lake: Lake): Promise<string | undefined> {
  return (await read(lake, LABELS_FILE))?.text;
}

/** @returns false, without any change, if another program wrote the file since it was read. */
export function writeNames(lake: Lake, { object, content }: Names): Promise<boolean> {
  return replaceSideFile(lake, NAMES_FILE, object, content);
}

async function read(lake: Lake, path: string): Promise<SideFile | undefined> {
  try {
    return await readSideFile(lake, path);
  } catch (error) {
    const isUnreadable = isGcUsageError(error) ? error.kind === "permission" : error instanceof Error;
    if (isUnreadable) return undefined;
    throw error;
  }
}
