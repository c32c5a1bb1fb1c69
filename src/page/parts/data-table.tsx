import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { whole } from "../format.ts";

export type Cell = string | number | null;

export interface TableColumn<Row> {
  readonly key: string;
  readonly title: string;
  /** What is sorted, searched and exported. */
  readonly value: (row: Row) => Cell;
  /** What is shown instead. */
  readonly show?: (row: Row) => ComponentChildren;
  /** Shows a bar behind numbers, relative to the largest one. */
  readonly hasBar?: boolean;
  readonly isText?: boolean;
  /** Only in the exported file. */
  readonly isHidden?: boolean;
}

export interface DataTableProps<Row> {
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly caption: string;
  /** The name of the exported file, without `.csv`. */
  readonly file: string;
  /** Without it, the rows keep their order. */
  readonly sortedBy?: string;
  readonly most?: number;
  readonly keyOf: (row: Row, index: number) => string;
  readonly empty?: string;
}

/** A table that sorts, searches and exports. */
export function DataTable<Row>({
  columns,
  rows,
  caption,
  file,
  sortedBy,
  most = 25,
  keyOf,
  empty,
}: DataTableProps<Row>) {
  const [sort, setSort] = useState({ key: sortedBy ?? "", isDown: true });
  const [search, setSearch] = useState("");
  const [isWhole, setWhole] = useState(false);
  const found = useMemo(() => {
    const column = columns.find(({ key }) => key === sort.key);
    const wanted = search.trim().toLowerCase();
    const matching =
      wanted === ""
        ? rows
        : rows.filter((row) =>
            columns.some((other) =>
              String(other.value(row) ?? "")
                .toLowerCase()
                .includes(wanted),
            ),
          );
    return column
      ? [...matching].sort((a, b) => compare(column.value(a), column.value(b)) * (sort.isDown ? -1 : 1))
      : matching;
  }, [rows, columns, sort, search]);
  const visible = columns.filter(({ isHidden }) => isHidden !== true);
  const shown = isWhole ? found : found.slice(0, most);
  const largest = new Map(
    columns
      .filter(({ hasBar }) => hasBar)
      .map(({ key, value }) => [key, Math.max(...rows.map((row) => Number(value(row) ?? 0)), 0)]),
  );
  return (
    <div class="data-table">
      <div class="table-tools">
        {rows.length > 8 && (
          <input
            type="search"
            placeholder="Search"
            aria-label={`Search in: ${caption}`}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        <span class="count" aria-live="polite">
          {search === "" ? "" : `${whole(found.length)} of ${whole(rows.length)}`}
        </span>
        <button
          type="button"
          class="quiet"
          disabled={found.length === 0}
          onClick={() => saveCsv(file, columns, found)}
        >
          Export CSV
        </button>
      </div>
      {/* biome-ignore lint: a scrolling area needs the focus to be scrolled by keys. */}
      <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
        <table>
          <caption class="hidden">{caption}</caption>
          <thead>
            <tr>
              {visible.map(({ key, title, isText }) => (
                <th
                  key={key}
                  scope="col"
                  class={isText ? "text" : "number"}
                  aria-sort={sort.key !== key ? "none" : sort.isDown ? "descending" : "ascending"}
                >
                  <button
                    type="button"
                    onClick={() => setSort({ key, isDown: sort.key === key ? !sort.isDown : !isText })}
                  >
                    {title}
                    <span class="sort" aria-hidden="true">
                      {sort.key === key ? (sort.isDown ? "↓" : "↑") : ""}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, index) => (
              <tr key={keyOf(row, index)}>
                {visible.map(({ key, value, show, hasBar, isText }) => {
                  const cell = value(row);
                  return (
                    <td key={key} class={isText ? "text" : "number"}>
                      {hasBar && <Bar part={Number(cell ?? 0)} of={largest.get(key) ?? 0} />}
                      {show ? show(row) : typeof cell === "number" ? whole(cell) : (cell ?? "–")}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="nothing">{empty ?? "There are no rows in this period."}</p>}
        {rows.length > 0 && found.length === 0 && <p class="nothing">No row contains “{search}”.</p>}
      </div>
      {found.length > most && (
        <button type="button" class="quiet more" onClick={() => setWhole(!isWhole)}>
          {isWhole ? `Show only ${most}` : `Show all ${whole(found.length)}`}
        </button>
      )}
    </div>
  );
}

function Bar({ part, of }: { readonly part: number; readonly of: number }) {
  if (of === 0 || part <= 0) return null;
  return <span class="bar" style={{ width: `${Math.max(1, (100 * part) / of)}%` }} aria-hidden="true" />;
}

function compare(a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b));
}

function saveCsv<Row>(file: string, columns: readonly TableColumn<Row>[], rows: readonly Row[]): void {
  const lines = [
    columns.map(({ title }) => csvCell(title)),
    ...rows.map((row) => columns.map(({ value }) => csvCell(value(row)))),
  ];
  saveFile(`${file}.csv`, lines.map((line) => `${line.join(",")}\r\n`).join(""));
}

/** A cell for RFC 4180. A text that a spreadsheet would run as a formula starts with an apostrophe. */
export function csvCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function saveFile(name: string, text: string): void {
  const link = document.createElement("a");
  // The mark makes Excel read UTF-8.
  link.href = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
