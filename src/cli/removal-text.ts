import type { Removable } from "../index.ts";
import { counted } from "../support/count.ts";
import { sizeText } from "../support/size.ts";
import { describeSpan } from "../usage/coverage.ts";
import { seriesId, seriesName, seriesOfKey } from "../usage/series.ts";

/** Totals of the slices to remove. Damaged slices count as 0 rows. */
export function totalsOf(removable: readonly Removable[]) {
  const slices = removable.flatMap(({ slice }) => slice ?? []);
  const sources = removable.flatMap(({ source }) => source ?? []);
  const dates = removable.map(({ key }) => key.date).sort();
  return {
    slices: slices.length,
    from: dates[0] ?? null,
    to: dates.at(-1) ?? null,
    rows: slices.reduce((sum, { provenance }) => sum + (provenance?.rows ?? 0), 0),
    bytes: slices.reduce((sum, { object }) => sum + object.bytes, 0),
    rawFiles: sources.length,
    rawBytes: sources.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** The totals, and a line for each series. */
export function removableText(removable: readonly Removable[]): string {
  const all = totalsOf(removable);
  const bySeries = new Map<string, Removable[]>();
  for (const removableSlice of removable) {
    const id = seriesId(removableSlice.key);
    bySeries.set(id, [...(bySeries.get(id) ?? []), removableSlice]);
  }
  const raw =
    all.rawFiles === 0
      ? ""
      : `  and the raw rows stored with them: ${counted(all.rawFiles, "file")}, ${sizeText(all.rawBytes)}\n`;
  return `${factsText(all)}\n${[...bySeries.values()].map(seriesLine).join("")}${raw}`;
}

function seriesLine(removable: readonly Removable[]): string {
  const [first] = removable;
  if (!first) return "";
  const totals = totalsOf(removable);
  const { from, to } = totals;
  const span = from && to ? `${describeSpan({ start: from, end: to })}: ` : "";
  const damaged = removable.filter(({ slice }) => slice?.state === "damaged").length;
  const note = damaged > 0 ? ` (${damaged} damaged)` : "";
  return `  ${seriesName(seriesOfKey(first.key))}  ${span}${factsText(totals)}${note}\n`;
}

function factsText({ slices, rows, bytes }: ReturnType<typeof totalsOf>): string {
  return `${counted(slices, "slice")}, ${counted(rows, "row")}, ${sizeText(bytes)}`;
}
