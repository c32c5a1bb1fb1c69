import type { QueryResult } from "../engine/engine.ts";
import { CANONICAL_GROUPING } from "../usage/grouping.ts";
import { describeSeries, seriesAmong } from "../usage/series.ts";
import { CANONICAL_SERVICE } from "../usage/service.ts";
import type { SliceKey } from "../usage/slice.ts";
import { isInTables } from "./envelopes.ts";

type Facts = Pick<QueryResult, "tables" | "sumsAcross">;

/** How the rows of a statement could be misread, one sentence or two each. @param slices those of the lakes that it reads. */
export function misreadings(result: Facts, slices: readonly SliceKey[]): string[] {
  return [...emptyDaily(result, slices), ...sums(result, slices)];
}

/** `daily` is empty although the lake has other rows. */
function emptyDaily({ tables }: Facts, slices: readonly SliceKey[]): string[] {
  if (slices.length === 0 || !tables.includes("daily") || slices.some(isInTables(["daily"]) ?? Boolean))
    return [];
  const has = seriesAmong(slices).map(describeSeries);
  return [
    `daily is empty: it contains ${CANONICAL_SERVICE}, ${CANONICAL_GROUPING} by day, but the lake has ${has.join("; ")}. ` +
      `Query usage instead, and filter by service, "grouping" and granularity.`,
  ];
}

/** Sums over several series count requests more than once. */
function sums({ sumsAcross }: Facts, slices: readonly SliceKey[]): string[] {
  const several = sumsAcross.flatMap((column) => {
    const values = [...new Set(slices.map((slice) => slice[column]))].sort();
    return values.length > 1 ? [{ name: column === "grouping" ? '"grouping"' : column, values }] : [];
  });
  if (several.length === 0) return [];
  const has = several.map(
    ({ name, values }) => `${name} ${values.slice(0, 4).join(", ")}${values.length > 4 ? ", …" : ""}`,
  );
  return [
    `The statement sums usage over ${has.join("; ")}: rows that count the same requests are added together. ` +
      `Filter or group by ${several.map(({ name }) => name).join(" and ")}, or query daily, which is safe to sum.`,
  ];
}
