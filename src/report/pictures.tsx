import type { ComponentChildren } from "preact";
import type { FairUseReport } from "../index.ts";
import { Band } from "../page/charts/band.tsx";
import { HeatMap } from "../page/charts/heat-map.tsx";
import { StackedBars } from "../page/charts/stacked-bars.tsx";
import { colorByValue, MOST_COLORS } from "../page/colors.ts";
import { nameOf, whole } from "../page/format.ts";
import { HeatLegend } from "../page/parts/heat-legend.tsx";
import { Legend } from "../page/parts/legend.tsx";
import type { Span } from "../usage/period.ts";
import {
  type Axis,
  axisOf,
  type HeatRow,
  heatRows,
  type Layer,
  layersByValue,
  pointsOf,
} from "../views/cube.ts";
import type { ShownTable } from "./cells.ts";
import type { Report } from "./report.ts";
import { Table } from "./table.tsx";

/** A picture is drawn for wide and for narrow screens: text in one that is only scaled down cannot be read. */
const WIDTHS = { wide: 960, half: 470, narrow: 340 } as const;

interface FigureProps {
  readonly title: string;
  readonly under: string;
  /** Draws the picture for a width. */
  readonly draw: (width: number) => ComponentChildren;
  readonly legend?: ComponentChildren;
  readonly table: ShownTable;
}

function Figure({ title, under, draw, legend, table }: FigureProps) {
  return (
    <section class="figure">
      <header>
        <div>
          <h2>{title}</h2>
          <p class="under">{under}</p>
        </div>
      </header>
      {legend}
      <div class="only-wide">{draw(WIDTHS.wide)}</div>
      <div class="only-narrow">{draw(WIDTHS.narrow)}</div>
      <details class="as-table">
        <summary>As a table</summary>
        <Table label={title} table={table} />
      </details>
    </section>
  );
}

/** Requests over time by client, with missing days hatched and unsettled ones hatched over their bars. */
export function RequestsPicture({ report }: { readonly report: Report }) {
  const { counts, period, before } = report;
  const span = { start: period.from, end: period.to };
  const axis = axisOf(counts, span);
  const layers = layersByValue(counts, axis, { span }, { most: MOST_COLORS, nameOf });
  const colorOf = colorByValue(layers);
  // In whole weeks, the same weekdays are above each other.
  const isComparable = before.coverage.complete && before.coverage.days % 7 === 0;
  const line = isComparable ? pointsBefore(report) : undefined;
  const title = "Requests by day and client";
  return (
    <Figure
      title={title}
      under={dayNotes(report)}
      legend={
        <Legend layers={layers} colorOf={colorOf} {...(line ? { line: "All, in the period before" } : {})} />
      }
      draw={(width) => (
        <StackedBars
          axis={axis}
          layers={layers}
          colorOf={colorOf}
          before={line}
          width={width}
          height={width > 600 ? 230 : 210}
          label={`${title}, ${period.from} to ${period.to}. The table below has the figures.`}
        />
      )}
      table={layersTable(axis, layers)}
    />
  );
}

function pointsBefore({ counts, before }: Report): number[] {
  const span: Span = { start: before.period.from, end: before.period.to };
  return pointsOf(counts, axisOf(counts, span), { span }, "requests");
}

/** How days look of which something is not certain. */
function dayNotes({ coverage }: Report): string {
  return [
    "UTC days.",
    ...(coverage.missing.length > 0
      ? ["Hatched days are not in the lake: their requests are unknown, not zero."]
      : []),
    ...(coverage.unsettled.length > 0 ? ["Striped bars may still be corrected."] : []),
  ].join(" ");
}

function layersTable(axis: Axis, layers: readonly Layer[]): ShownTable {
  const isMissing = (at: number): boolean => axis.states[at] === "missing";
  return {
    columns: [
      { label: "Day", kind: "day" },
      { label: "All", kind: "count" },
      ...layers.map(({ label }) => ({ label, kind: "count" }) as const),
    ],
    rows: axis.dates.map((date, at) => {
      const points = layers.map((layer) => layer.points[at] ?? 0);
      if (isMissing(at)) return [`${date} (missing)`, null, ...points.map(() => null)];
      return [date, points.reduce((sum, count) => sum + count, 0), ...points];
    }),
    more: null,
  };
}

const MOST_HEAT_ROWS = 10;

/** Which client was rate limited when. */
export function LimitedPicture({ report }: { readonly report: Report }) {
  const { counts, period } = report;
  const span = { start: period.from, end: period.to };
  const axis = axisOf(counts, span);
  const all = heatRows(counts, axis, { span }, "429");
  if (all.length === 0) return null;
  const rows = all.slice(0, MOST_HEAT_ROWS);
  const title = "429s by client and day";
  const more = all.length - rows.length;
  return (
    <Figure
      title={title}
      under={`Rate-limited requests. ${more > 0 ? `The ${rows.length} clients with the most; ${whole(more)} more had some.` : ""}`}
      legend={<HeatLegend rows={rows} what="429s a day" />}
      draw={(width) => (
        <HeatMap axis={axis} rows={rows} width={width} label={`${title}. The table below has the figures.`} />
      )}
      table={heatTable(all.slice(0, 50), axis)}
    />
  );
}

function heatTable(rows: readonly HeatRow[], { dates }: Axis): ShownTable {
  return {
    columns: [
      { label: "Client", kind: "text" },
      { label: "429s", kind: "count" },
      { label: "Of its requests", kind: "percent" },
      { label: "Days with 429s", kind: "count" },
      { label: "Worst day", kind: "day" },
      { label: "429s on it", kind: "count" },
    ],
    rows: rows.map((row) => {
      const worst = Math.max(...row.points);
      const requests = row.requests.reduce((sum, count) => sum + count, 0);
      return [
        nameOf(row),
        row.total,
        requests === 0 ? null : (100 * row.total) / requests,
        row.points.filter((count) => count > 0).length,
        dates[row.points.indexOf(worst)] ?? null,
        worst,
      ];
    }),
    more: null,
  };
}

/** Used, expected and free requests of the billing month. */
export function FairUsePicture({ report }: { readonly report: FairUseReport }) {
  return (
    <>
      <div class="only-wide">
        <Band report={report} width={WIDTHS.half} height={200} />
      </div>
      <div class="only-narrow">
        <Band report={report} width={WIDTHS.narrow} height={180} />
      </div>
    </>
  );
}
