import type { ComponentChildren } from "preact";
import type { Counts } from "../../views/counts.ts";
import { basisWithin, type Total, totalsOf } from "../../views/cube.ts";
import { axesOf, type Scope, selectionOf, sqlOf } from "../data.ts";
import { changed, nameOf, percent } from "../format.ts";
import { DataTable, type TableColumn } from "./data-table.tsx";
import { Figure } from "./figure.tsx";

type Row = Total & { readonly before: number | undefined };

export interface TotalsFigureProps {
  readonly counts: Counts;
  readonly scope: Scope;
  readonly title: string;
  readonly most?: number;
  /** Only the most important columns. */
  readonly isShort?: boolean;
}

interface OfDimension extends TotalsFigureProps {
  /** What a row is: `Client`. */
  readonly what: string;
  /** The name of the exported file, without `.csv`. */
  readonly file: string;
  /** A row's name, if it is more than text. */
  readonly show?: (row: Row) => ComponentChildren;
  /** Columns after the others. */
  readonly more?: readonly TableColumn<Row>[];
}

/** The values of a dimension with their counts, against the period before. */
export function TotalsFigure({
  counts,
  scope,
  title,
  most = 25,
  isShort = false,
  what,
  file,
  show,
  more = [],
}: OfDimension) {
  const rows = rowsOf(counts, scope);
  return (
    <Figure title={title} basis={basisWithin(counts.basis, scope.span)} {...sqlOf(counts)}>
      <DataTable
        caption={title}
        file={file}
        rows={rows}
        most={most}
        keyOf={({ value }) => String(value)}
        sortedBy="requests"
        columns={[
          { key: "name", title: what, isText: true, value: nameOf, ...(show ? { show } : {}) },
          ...countColumns(rows, isShort),
          ...more,
        ]}
      />
    </Figure>
  );
}

/** Totals with those of the period before. */
function rowsOf(counts: Counts, scope: Scope): Row[] {
  const selection = selectionOf(counts, scope.span);
  const { beforeAxis } = axesOf(counts, scope);
  const earlier = new Map(
    (beforeAxis ? totalsOf(counts, { ...selection, span: scope.before }) : []).map(({ value, requests }) => [
      value,
      requests,
    ]),
  );
  return totalsOf(counts, selection)
    .filter(({ requests }) => requests > 0)
    .map((total) => ({
      ...total,
      before: beforeAxis && (earlier.get(total.value) ?? 0),
    }));
}

/** The columns that tables of totals share. */
function countColumns(rows: readonly Row[], isShort = false): TableColumn<Row>[] {
  const isCompared = rows.some(({ before }) => before !== undefined);
  const columns: TableColumn<Row>[] = [
    { key: "requests", title: "Requests", value: ({ requests }) => requests, hasBar: true },
    {
      key: "change",
      title: "Change",
      value: ({ requests, before }) => (before === undefined ? null : requests - before),
      show: ({ requests, before }) => changed(requests, before) ?? "–",
    },
    { key: "429", title: "429s", value: ({ status429 }) => status429 },
    {
      key: "429-share",
      title: "429 rate",
      value: ({ status429, all }) => (all === 0 ? 0 : (100 * status429) / all),
      show: ({ status429, all }) => percent(status429, all),
    },
    { key: "failed", title: "Other errors", value: ({ failed }) => failed },
    {
      key: "failed-share",
      title: "Error rate",
      value: ({ failed, all }) => (all === 0 ? 0 : (100 * failed) / all),
      show: ({ failed, all }) => percent(failed, all),
    },
  ];
  const shown = isCompared ? columns : columns.filter(({ key }) => key !== "change");
  return isShort ? shown.filter(({ key }) => ["requests", "change", "429"].includes(key)) : shown;
}
