import { useState } from "preact/hooks";
import type { Counts } from "../../views/counts.ts";
import { basisWithin, type HeatRow, heatRows, type Measure, type Selection } from "../../views/cube.ts";
import { HEAT_ROW, HeatMap, heatFrame } from "../charts/heat-map.tsx";
import { slotsOf } from "../charts/layout.ts";
import { axesOf, type Scope, sqlOf } from "../data.ts";
import { longDay, nameOf, percent, whole } from "../format.ts";
import { DataTable } from "./data-table.tsx";
import { Figure } from "./figure.tsx";
import { HeatLegend } from "./heat-legend.tsx";
import { Plot } from "./plot.tsx";

export interface HeatFigureProps {
  readonly counts: Counts;
  readonly scope: Scope;
  readonly selection: Selection;
  readonly measure: Measure;
  /** What the measure counts: `429s`. */
  readonly what: string;
  readonly title: string;
  readonly hrefOf?: (row: HeatRow) => string | undefined;
  readonly onChoose?: (row: HeatRow) => void;
  /** What it means that there are none. */
  readonly empty: string;
}

const MOST_ROWS = 30;

/** A heat map of the values with the most of a measure. */
export function HeatFigure({
  counts,
  scope,
  selection,
  measure,
  what,
  title,
  hrefOf,
  onChoose,
  empty,
}: HeatFigureProps) {
  const [isWhole, setWhole] = useState(false);
  const { axis } = axesOf(counts, scope);
  const isWide = counts.by === "endpoint";
  const all = heatRows(counts, axis, selection, measure);
  const rows = isWhole ? all : all.slice(0, MOST_ROWS);
  const { height } = heatFrame(0, rows.length);
  return (
    <Figure
      title={title}
      basis={basisWithin(counts.basis, scope.span)}
      {...sqlOf(counts)}
      table={() => (
        <HeatTable
          rows={all}
          what={what}
          title={title}
          file={`${what.replaceAll(" ", "-")}-by-${counts.by}`}
        />
      )}
    >
      {rows.length === 0 ? (
        <p class="nothing">{empty}</p>
      ) : (
        <>
          <HeatLegend rows={rows} what={`${what} a ${axis.granularity}`} />
          <Plot
            height={height}
            label={`${title}: a row for each ${counts.by}, a column for each ${axis.granularity}.`}
            last={{ index: axis.dates.length - 1, row: rows.length - 1 }}
            markAt={(width, x, y) => {
              const index = slotsOf(axis, heatFrame(width, rows.length, isWide)).under(x);
              const row = Math.floor((y - 2) / HEAT_ROW);
              return index === undefined || row < 0 || row >= rows.length ? undefined : { index, row };
            }}
            draw={(width, mark) => (
              <HeatMap
                axis={axis}
                rows={rows}
                width={width}
                label={title}
                isWide={isWide}
                hrefOf={hrefOf}
                marked={mark}
              />
            )}
            tip={({ index, row }) => {
              const found = rows[row];
              const date = axis.dates[index];
              if (found === undefined || date === undefined) return null;
              const [count, requests] = [found.points[index] ?? 0, found.requests[index] ?? 0];
              return (
                <>
                  <b>{nameOf(found)}</b>
                  <div>{longDay(date)}</div>
                  {axis.states[index] === "missing" ? (
                    <div>Not in the lake: unknown.</div>
                  ) : (
                    <div>
                      {whole(count)} {what} of {whole(requests)} requests ({percent(count, requests)})
                    </div>
                  )}
                </>
              );
            }}
            onChoose={({ row }) => {
              const found = rows[row];
              if (found) onChoose?.(found);
            }}
          />
          {all.length > MOST_ROWS && (
            <button type="button" class="quiet more" onClick={() => setWhole(!isWhole)}>
              {isWhole ? `Show only ${MOST_ROWS}` : `Show all ${whole(all.length)}`}
            </button>
          )}
        </>
      )}
    </Figure>
  );
}

function HeatTable({
  rows,
  what,
  title,
  file,
}: {
  readonly rows: readonly HeatRow[];
  readonly what: string;
  readonly title: string;
  readonly file: string;
}) {
  const requests = (row: HeatRow) => row.requests.reduce((sum, count) => sum + count, 0);
  return (
    <DataTable
      caption={title}
      file={file}
      rows={rows}
      keyOf={({ id }) => id ?? ""}
      sortedBy="total"
      columns={[
        { key: "name", title: "Name", value: nameOf, isText: true },
        { key: "total", title: what, value: ({ total }) => total, hasBar: true },
        {
          key: "share",
          title: "Of its requests",
          value: (row) => (100 * row.total) / (requests(row) || 1),
          show: (row) => percent(row.total, requests(row)),
        },
        { key: "days", title: "Periods", value: ({ points }) => points.filter((count) => count > 0).length },
        { key: "requests", title: "Requests", value: requests },
      ]}
    />
  );
}
