import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isLosslessNumber, stringify as losslessJson, parse as losslessParse } from "lossless-json";
import { linesIn } from "../environment/lent-pieces.ts";
import type { Lake, Slice } from "../lake/lake.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import { GRANULARITIES, type Granularity, type Span } from "../usage/period.ts";
import { isSource, SOURCE_FOLDER, slicePath } from "../usage/slice.ts";
import type { WrittenSlice } from "./land.ts";
import { hashOf } from "./source.ts";

/** Which of the rows that are about to be stored are already in a lake. */
export interface Stored {
  /** The slices whose rows and coverage are already in the lake. */
  readonly slices: ReadonlySet<WrittenSlice>;
  /** Where the same rows are stored with another granularity. */
  readonly elsewhere: { readonly granularity: Granularity; readonly path: string } | undefined;
}

/**
 * Compares slices with the lake's slices of the same date, row by row.
 *
 * @param slices of one service, granularity and grouping.
 * @param requested the requested periods, whether they were completed by then or not.
 * @param isHashed true if the slices' id is a hash of all their rows.
 */
export async function storedSlices(
  lake: Lake,
  slices: readonly WrittenSlice[],
  requested: readonly { readonly date: Day; readonly covered: Span }[],
  isHashed: boolean,
): Promise<Stored> {
  const spans = new Map(requested.map(({ date, covered }) => [date, covered]));
  const byDate = new Map(slices.map((slice) => [slice.key.date, slice]));
  const [first] = slices;
  const held = await lake.slices(
    ({ service, grouping, granularity, date }) =>
      service === first?.key.service &&
      grouping === first.key.grouping &&
      (granularity === first.key.granularity || granularity !== "total") &&
      byDate.has(date),
  );
  const away = new Set(await lake.store.notHere(held.map(({ object }) => object)));
  const same = new Set<WrittenSlice>();
  let elsewhere: Stored["elsewhere"];
  for (const current of held) {
    const next = byDate.get(current.key.date);
    if (!next) continue;
    // Made from the same rows by the same version, so nothing has to be fetched to compare it.
    const isTwin = isHashed && away.has(current.object) && isOfSameRows(current, next);
    if (!isTwin && !(await hasSameRows(lake, current, next))) continue;
    if (current.key.granularity === next.key.granularity) {
      if (coversTheSame(current, next, spans.get(next.key.date))) same.add(next);
    } else if (next.provenance.rows > 0 && next.key.granularity !== "total" && !isSameSpan(current, next)) {
      elsewhere ??= { granularity: current.key.granularity, path: slicePath(current.key) };
    }
  }
  return { slices: same, elsewhere };
}

function isOfSameRows({ state, provenance: current }: Slice, { provenance: next }: WrittenSlice): boolean {
  return (
    state === "readable" &&
    current !== undefined &&
    current.id === next.id &&
    current.version === next.version &&
    current.rows === next.rows &&
    current.metrics.join() === next.metrics.join()
  );
}

async function hasSameRows(lake: Lake, current: Slice, next: WrittenSlice): Promise<boolean> {
  if (current.state !== "readable" || current.provenance.rows !== next.provenance.rows) return false;
  if (next.provenance.rows === 0) return true;
  const root = await lake.store.fetchFiles([current.object]);
  return await lake.files.haveSameRows(join(root, current.object.path), next.file);
}

/** True if the lake's slice covers everything in the new one and no less was requested for it. */
function coversTheSame(
  { provenance: current }: Slice,
  { provenance: next }: WrittenSlice,
  asked: Span = next,
): boolean {
  return (
    current !== undefined &&
    current.start <= next.start &&
    current.end >= next.end &&
    asked.start <= current.start &&
    asked.end >= current.end &&
    next.metrics.every((metric) => current.metrics.includes(metric))
  );
}

/** If only the first day of a month was requested, the slice counts the same as that day. */
function isSameSpan({ provenance: current }: Slice, { provenance: next }: WrittenSlice): boolean {
  return current?.start === next.start && current.end === next.end;
}

/**
 * Finds the same raw rows in a granularity's folder, whatever their name and order.
 *
 * @param file rows, one per line.
 * @param hash of the file.
 */
export async function storedSource(
  lake: Lake,
  granularity: Granularity,
  file: string,
  hash: string,
): Promise<string | undefined> {
  const { size } = await stat(file);
  const listed = await lake.store.list(`${SOURCE_FOLDER}granularity=${granularity}/`);
  // Rows in another order have the same size.
  const alike = listed.filter((object) => object.bytes === size && isSource(object.path));
  if (alike.length === 0 || size === 0) return undefined;
  const root = await lake.store.fetchFiles(alike);
  let unordered: string | undefined;
  for (const { path } of alike) {
    const other = join(root, path);
    if ((await hashOf(other)) === hash) return path;
    unordered ??= await unorderedHash(file);
    if ((await unorderedHash(other)) === unordered) return path;
  }
  return undefined;
}

/** A hash of a file's rows that ignores the order of rows and members; unique for a file that is not NDJSON. */
async function unorderedHash(file: string): Promise<string> {
  let sum = 0n;
  try {
    for await (const line of linesIn(file)) {
      const row = losslessJson(sorted(losslessParse(line))) ?? "";
      sum += BigInt(`0x${createHash("sha256").update(row).digest("hex")}`);
    }
    return sum.toString(16);
  } catch {
    return `not rows: ${file}`;
  }
}

/** Sorts the members of objects by name, at every depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null || isLosslessNumber(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

/**
 * Rejects rows that the lake has with another granularity: one of the two must be a mistake.
 *
 * @throws {GcUsageError} refused
 */
export async function checkElsewhere(
  lake: Lake,
  { granularity, file, hash }: { granularity: Granularity; file: string; hash: string },
  found: Stored["elsewhere"],
): Promise<void> {
  let elsewhere = found;
  for (const other of GRANULARITIES) {
    if (elsewhere !== undefined) break;
    const path = other === granularity ? undefined : await storedSource(lake, other, file, hash);
    if (path !== undefined) elsewhere = { granularity: other, path };
  }
  if (elsewhere === undefined) return;
  throw new GcUsageError(
    "refused",
    `The same rows are already stored as ${elsewhere.granularity}: ${elsewhere.path}. Nothing was written.`,
    {
      hint: `If the query used --granularity ${elsewhere.granularity}, there is nothing to do. If it used --granularity ${granularity}, remove the rows stored by mistake, or use --force.`,
    },
  );
}
