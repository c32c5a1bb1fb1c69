import { type Day, eachDay } from "../../src/usage/day.ts";
import type { UsageRow } from "../../src/usage/row.ts";

/** A row of a slice: its day and the columns that the questions read. */
export type OracleRow = Required<
  Pick<UsageRow, "clientId" | "clientName" | "userId" | "templateUri" | "httpMethod">
> & {
  readonly day: string;
  readonly counts: Readonly<
    Record<"status200" | "status300" | "status400" | "status500" | "status429" | "requests", bigint>
  >;
};

export interface OracleWindow {
  readonly before: string;
  readonly from: string;
  readonly to: string;
}

type Value = string | number | bigint | null;
type Metric = keyof OracleRow["counts"];

const sum = (rows: readonly OracleRow[], metric: Metric): bigint =>
  rows.reduce((total, row) => total + row.counts[metric], 0n);

const percent = (part: bigint, whole: bigint): number | null => {
  if (whole === 0n) return null;
  const scaled = ((100 * Number(part)) / Number(whole)) * 100;
  return (Math.sign(scaled) * Math.round(Math.abs(scaled))) / 100;
};

const days = (rows: readonly OracleRow[], metric: Metric): string[] =>
  [...new Set(rows.filter((row) => row.counts[metric] > 0n).map((row) => row.day))].sort();

/** The newest name; if a day has two, the greatest. */
const nameOf = (rows: readonly OracleRow[]): string | null =>
  rows
    .filter((row) => row.clientName !== null)
    .map((row) => ({ key: `${row.day}${row.clientName}`, name: row.clientName }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .at(-1)?.name ?? null;

function groups(
  rows: readonly OracleRow[],
  key: (row: OracleRow) => Value[],
): { key: Value[]; rows: OracleRow[] }[] {
  const found = new Map<string, { key: Value[]; rows: OracleRow[] }>();
  for (const row of rows) {
    const name = JSON.stringify(key(row));
    const group = found.get(name) ?? { key: key(row), rows: [] };
    group.rows.push(row);
    found.set(name, group);
  }
  return [...found.values()];
}

/** Compares by each column in turn: `-i` is descending; NULL is always last. */
function sorted(rows: Value[][], ...by: (readonly ["asc" | "desc", (row: Value[]) => Value])[]): Value[][] {
  return rows.sort((a, b) => {
    for (const [way, value] of by) {
      const x = value(a);
      const y = value(b);
      if (x === y) continue;
      if (x === null) return 1;
      if (y === null) return -1;
      return (x < y ? -1 : 1) * (way === "asc" ? 1 : -1);
    }
    return 0;
  });
}

const col =
  (i: number) =>
  (row: Value[]): Value =>
    row[i] ?? null;
const abs = (value: bigint): bigint => (value < 0n ? -value : value);

const byClient = (rows: readonly OracleRow[]) => groups(rows, (row) => [row.clientId]);
const byEndpoint = (rows: readonly OracleRow[]) => groups(rows, (row) => [row.httpMethod, row.templateUri]);
const inside = (rows: readonly OracleRow[], from: string, to: string) =>
  rows.filter((row) => row.day >= from && row.day <= to);

/** Each question's answer, calculated in the simplest way, with whole numbers as bigints. */
export const ORACLE: Readonly<
  Record<string, (rows: readonly OracleRow[], window: OracleWindow) => Value[][]>
> = {
  "noisy-clients": (all, { from, to }) =>
    sorted(
      byClient(inside(all, from, to))
        .filter(({ rows }) => sum(rows, "status429") > 0n)
        .map(({ key, rows }) => [
          ...key,
          nameOf(rows),
          sum(rows, "status429"),
          sum(rows, "requests"),
          percent(sum(rows, "status429"), sum(rows, "requests")),
          BigInt(days(rows, "status429").length),
        ]),
      ["desc", col(2)],
      ["desc", col(3)],
      ["asc", col(0)],
    ),
  "daily-counts": (all, { from, to }) =>
    sorted(
      groups(inside(all, from, to), (row) => [row.day, row.clientId]).map(({ key, rows }) => [
        ...key,
        // Within a day, the greatest name.
        nameOf(rows),
        ...(["requests", "status200", "status300", "status400", "status500", "status429"] as const).map(
          (metric) => sum(rows, metric),
        ),
      ]),
      ["asc", col(0)],
      ["desc", col(3)],
      ["asc", col(1)],
    ),
  paths: (all, { from, to }) =>
    groups(inside(all, from, to), (row) => [row.templateUri])
      .map(({ key: [uri = null], rows }) => ({ uri, rows, total: sum(rows, "requests") }))
      .sort((a, b) =>
        a.total === b.total ? (String(a.uri) < String(b.uri) ? -1 : 1) : a.total < b.total ? 1 : -1,
      )
      .flatMap(({ uri, rows, total }) =>
        sorted(
          byClient(rows)
            .filter((group) => sum(group.rows, "requests") >= 1n)
            .map((group) => [
              uri,
              ...group.key,
              nameOf(group.rows),
              sum(group.rows, "requests"),
              percent(sum(group.rows, "requests"), total),
              days(group.rows, "requests").at(-1) ?? null,
            ]),
          ["desc", col(3)],
          ["asc", col(1)],
        ),
      ),
  trend: (all, { from, to }) => {
    const rows = inside(all, from, to);
    const clients = sorted(
      byClient(rows).map((group) => [...group.key, nameOf(group.rows), sum(group.rows, "requests")]),
      ["desc", col(2)],
      ["asc", col(0)],
    );
    return eachDay(from as Day, to as Day).flatMap((day) => {
      const ofDay = rows.filter((row) => row.day === day);
      return clients.map(([id = null, name = null], place) => {
        const own = ofDay.filter((row) => row.clientId === id);
        const share = percent(sum(own, "requests"), sum(ofDay, "requests")) ?? 0;
        return [day, id, name, sum(own, "requests"), share, sum(own, "status429"), place];
      });
    });
  },
  "busy-clients": (all, { from, to }) => {
    const rows = inside(all, from, to);
    return sorted(
      byClient(rows).map((group) => [
        ...group.key,
        nameOf(group.rows),
        sum(group.rows, "requests"),
        percent(sum(group.rows, "requests"), sum(rows, "requests")),
        sum(group.rows, "status429"),
        BigInt(days(group.rows, "requests").length),
      ]),
      ["desc", col(2)],
      ["asc", col(0)],
    );
  },
  "failing-clients": (all, { from, to }) =>
    sorted(
      byClient(inside(all, from, to)).flatMap(({ key, rows }) => {
        const failed = sum(rows, "status400") + sum(rows, "status500");
        if (failed === 0n || sum(rows, "requests") < 100n) return [];
        return [
          [
            ...key,
            nameOf(rows),
            percent(failed, sum(rows, "requests")),
            sum(rows, "status400"),
            sum(rows, "status500"),
            sum(rows, "status429"),
            sum(rows, "requests"),
          ],
        ];
      }),
      ["desc", col(2)],
      ["desc", col(6)],
      ["asc", col(0)],
    ),
  "noisy-endpoints": (all, { from, to }) =>
    sorted(
      byEndpoint(inside(all, from, to))
        .filter(({ rows }) => sum(rows, "status429") > 0n)
        .map(({ key, rows }) => [
          ...key,
          sum(rows, "status429"),
          sum(rows, "requests"),
          percent(sum(rows, "status429"), sum(rows, "requests")),
          BigInt(days(rows, "status429").length),
        ]),
      ["desc", col(2)],
      ["desc", col(3)],
      ["asc", col(1)],
      ["asc", col(0)],
    ),
  "busy-endpoints": (all, { from, to }) => {
    const rows = inside(all, from, to);
    return sorted(
      byEndpoint(rows).map((group) => [
        ...group.key,
        sum(group.rows, "requests"),
        percent(sum(group.rows, "requests"), sum(rows, "requests")),
        sum(group.rows, "status429"),
      ]),
      ["desc", col(2)],
      ["asc", col(1)],
      ["asc", col(0)],
    );
  },
  "hot-spots": (all, { from, to }) =>
    sorted(
      groups(inside(all, from, to), (row) => [row.clientId, row.httpMethod, row.templateUri]).map(
        ({ key, rows }) => [
          key[0] ?? null,
          nameOf(rows),
          key[1] ?? null,
          key[2] ?? null,
          sum(rows, "status429"),
          sum(rows, "requests"),
          percent(sum(rows, "status429"), sum(rows, "requests")),
        ],
      ),
      ["desc", col(4)],
      ["desc", col(5)],
      ["asc", col(0)],
      ["asc", col(3)],
      ["asc", col(2)],
    ),
  "requests-by-day": (all, { from, to }) =>
    sorted(
      groups(inside(all, from, to), (row) => [row.day]).map(({ key, rows }) => [
        ...key,
        ...(["requests", "status200", "status300", "status400", "status500", "status429"] as const).map(
          (metric) => sum(rows, metric),
        ),
      ]),
      ["asc", col(0)],
    ),
  "busy-users": (all, { from, to }) => {
    const rows = inside(all, from, to).filter((row) => row.userId !== null && row.userId !== "");
    return sorted(
      groups(rows, (row) => [row.userId]).map((group) => [
        ...group.key,
        sum(group.rows, "requests"),
        percent(sum(group.rows, "requests"), sum(rows, "requests")),
        sum(group.rows, "status429"),
        BigInt(days(group.rows, "requests").length),
      ]),
      ["desc", col(1)],
      ["asc", col(0)],
    );
  },
  "new-clients": (all, { before, from, to }) =>
    sorted(
      byClient(inside(all, before, to)).flatMap(({ key, rows }) => {
        const first = days(rows, "requests")[0];
        return first !== undefined && first >= from
          ? [[...key, nameOf(rows), first, sum(rows, "requests"), sum(rows, "status429")]]
          : [];
      }),
      ["desc", col(3)],
      ["asc", col(0)],
    ),
  "silent-clients": (all, { before, from, to }) =>
    sorted(
      byClient(inside(all, before, to)).flatMap(({ key, rows }) => {
        const last = days(rows, "requests").at(-1);
        return last !== undefined && last < from ? [[...key, nameOf(rows), last, sum(rows, "requests")]] : [];
      }),
      ["desc", col(3)],
      ["asc", col(0)],
    ),
  change: (all, { before, from, to }) =>
    sorted(
      byClient(inside(all, before, to)).map(({ key, rows }) => {
        const earlier = sum(
          rows.filter((row) => row.day < from),
          "requests",
        );
        const now = sum(
          rows.filter((row) => row.day >= from),
          "requests",
        );
        return [...key, nameOf(rows), earlier, now, now - earlier, percent(now - earlier, earlier)];
      }),
      ["desc", (row) => abs(row[4] as bigint)],
      ["asc", col(0)],
    ),
};
