import { type CellValue, cellText, isFigure, type ShownColumn, type ShownTable } from "./cells.ts";

interface TableProps {
  /** What it shows, for people who do not see it. */
  readonly label: string;
  readonly table: ShownTable;
}

/** A table with a heading for each column. */
export function Table({ label, table: { columns, rows, more } }: TableProps) {
  if (rows.length === 0) return null;
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.label} scope="col" class={classOf(column)}>
                  {column.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              <tr key={at}>{row.map((value, i) => cellOf(value, i, columns))}</tr>
            ))}
          </tbody>
        </table>
      </div>
      {more !== null && <p class="under">{more}</p>}
    </>
  );
}

function cellOf(value: CellValue, i: number, columns: ShownTable["columns"]) {
  const column = columns[i];
  if (column === undefined) return null;
  const text = cellText(value, column);
  const shown = column.kind === "code" ? <code>{text}</code> : text;
  // The first column says what a row is about.
  return i === 0 ? (
    <th key={i} scope="row" class="text">
      {shown}
    </th>
  ) : (
    <td key={i} class={classOf(column)}>
      {shown}
    </td>
  );
}

function classOf(column: ShownColumn): string {
  if (column.kind === "day") return "day";
  return isFigure(column) ? "number" : "text";
}
