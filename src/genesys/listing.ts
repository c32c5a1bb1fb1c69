import * as z from "zod";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import type { GenesysClient } from "./client.ts";
import { PageWatch } from "./pages.ts";

/** Text that may be missing or null. */
export const TEXT = z.string().optional().catch(undefined);
/** A number that may be missing, null, or written as text. */
export const NUMBER = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d+(?:\.\d+)?$/)
      .transform(Number),
  ])
  .optional()
  .catch(undefined);
export const FLAG = z.boolean().optional().catch(undefined);

/** A list whose entries of an unknown form are left out; empty if it is missing or null. */
export function listOf<T>(entry: z.ZodType<T>): z.ZodType<T[]> {
  return z
    .array(entry.or(z.unknown().transform(() => undefined)))
    .catch([])
    .transform((entries) => entries.filter((known): known is T => known !== undefined));
}

/**
 * What an endpoint says that not every token and organization has. Not available: the token does not have the permission (403), or
 * the organization or a gateway does not have the endpoint (404).
 */
export type Optional<T> =
  | { readonly available: true; readonly value: T }
  | {
      readonly available: false;
      readonly status: 403 | 404;
      /** One sentence, with the service's own words. */
      readonly reason: string;
      /** The permissions that would be sufficient, if the service says. */
      readonly permissions: readonly string[];
    };

/** @throws whatever `read` throws, except for a 403 or 404. */
export async function ifAvailable<T>(read: () => Promise<T>): Promise<Optional<T>> {
  try {
    return { available: true, value: await read() };
  } catch (error) {
    if (!isGcUsageError(error)) throw error;
    const { status, permissions } = error.details;
    if (status !== 403 && status !== 404) throw error;
    const names: unknown[] = Array.isArray(permissions) ? permissions : [];
    return { available: false, status, reason: error.message, permissions: names.map(String) };
  }
}

/** A response that is not what the endpoint's description says. */
export function oddAnswer(purpose: string, path: string, why: string): GcUsageError {
  return new GcUsageError("service", `Could not ${purpose}: ${why} (${path})`, {
    hint: "Run the same command again with --debug and report the output, please.",
    details: { path },
  });
}

/** A response in the form that the endpoint's description gives. @throws {GcUsageError} service, for another one */
export function parsed<T>(schema: z.ZodType<T>, answer: unknown, purpose: string, path: string): T {
  const { success, data } = schema.safeParse(answer);
  if (!success) throw oddAnswer(purpose, path, "the response is not an object.");
  return data;
}

export interface ListingRequest<T> {
  /** Without a query string. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly entity: z.ZodType<T>;
  /** Completes "Could not …". */
  readonly purpose: string;
  readonly signal?: AbortSignal | undefined;
}

const LISTING = z.looseObject({
  entities: z.array(z.unknown()).nullable(),
  nextUri: TEXT,
  pageNumber: NUMBER,
  pageCount: NUMBER,
});

/**
 * Reads all pages of a listing: `entities`, and `nextUri` or `pageNumber` and `pageCount`. Entities of an unknown form are left out.
 *
 * @throws {GcUsageError} service, for a response without a list, or pages that repeat or never end; otherwise like every call.
 */
export async function readListing<T>(client: GenesysClient, request: ListingRequest<T>): Promise<T[]> {
  const { path, query, purpose, signal } = request;
  const entries = listOf(request.entity);
  const found: T[] = [];
  const watch = new PageWatch(undefined);
  for (let more: Record<string, string> | undefined = {}; more !== undefined; ) {
    const answer = await client.json("GET", path, { query: { ...query, ...more }, purpose, signal });
    const parsed = LISTING.safeParse(answer);
    if (!parsed.success) throw oddAnswer(purpose, path, "the response has no list of entities.");
    const rows = parsed.data.entities ?? [];
    const next = nextQuery(parsed.data);
    if (next !== undefined && Object.keys(next).length === 0)
      throw oddAnswer(purpose, path, "the response has a next page but no cursor for it.");
    const cursor = next === undefined ? undefined : JSON.stringify(next);
    const problem = watch.problemWith({ rows: rows.length, next: cursor }, JSON.stringify(rows));
    if (problem !== undefined) throw oddAnswer(purpose, path, `${problem}.`);
    found.push(...entries.parse(rows));
    more = next;
  }
  return found;
}

/** The query of the next page. Only that is used of an address, so a response cannot redirect the calls elsewhere. */
function nextQuery({ nextUri, pageNumber, pageCount }: z.infer<typeof LISTING>) {
  if (nextUri !== undefined && nextUri !== "") return Object.fromEntries(parametersOf(nextUri));
  if (pageNumber === undefined || pageCount === undefined || pageNumber >= pageCount) return undefined;
  return { pageNumber: String(pageNumber + 1) };
}

function parametersOf(uri: string): URLSearchParams {
  const base = "http://localhost";
  return URL.canParse(uri, base) ? new URL(uri, base).searchParams : new URLSearchParams();
}

/** Part of a path. Names and ids come from people and answers, and must not become another path. */
export function pathPart(name: string): string {
  if (/^[^/\\?#]{1,200}$/.test(name) && !/^\.+$/.test(name)) return encodeURIComponent(name);
  throw new GcUsageError("input", `Invalid name or id: ${JSON.stringify(name)}.`, {
    hint: "Use a name or id as Genesys Cloud shows it.",
  });
}
