import type { Axis, HeatRow } from "../../views/cube.ts";
import { nameOf } from "../format.ts";
import { DateLabels, Hatches, MissingPeriods } from "./axes.tsx";
import { box, dateTicks, type Frame, shortened, slotsOf } from "./layout.ts";

export interface HeatMapProps {
  readonly axis: Axis;
  readonly rows: readonly HeatRow[];
  readonly width: number;
  readonly label: string;
  /** The address of a row's label; without one, labels are plain. */
  readonly hrefOf?: ((row: HeatRow) => string | undefined) | undefined;
  /** For long names, such as endpoints. */
  readonly isWide?: boolean;
  /** The row and period to mark. */
  readonly marked?: { readonly row: number; readonly index: number } | undefined;
}

export const HEAT_LEVELS = 6;
export const HEAT_ROW = 18;

/** @param isWide for long names, such as endpoints. */
export function heatFrame(width: number, rows: number, isWide = false): Frame {
  const left = Math.round(Math.min(isWide ? 320 : 190, Math.max(92, width * (isWide ? 0.34 : 0.26))));
  return { width, height: rows * HEAT_ROW + 26, left, top: 2, right: 2, bottom: 24 };
}

/** The upper end of each level: each is the same factor above the one before, up to the most. */
export function heatSteps(rows: readonly HeatRow[]): number[] {
  let most = 1;
  let least = Number.POSITIVE_INFINITY;
  for (const { points } of rows)
    for (const count of points)
      if (count > 0) {
        if (count > most) most = count;
        if (count < least) least = count;
      }
  const from = Math.max(1, Math.min(least, most));
  return Array.from({ length: HEAT_LEVELS }, (_, level) =>
    Math.max(1, Math.round(from * (most / from) ** ((level + 1) / HEAT_LEVELS))),
  );
}

/**
 * A row for each client and a column for each period. One path for each color, so that a year of hundreds of clients stays small
 * and quick.
 */
export function HeatMap({ axis, rows, width, label, hrefOf, isWide = false, marked }: HeatMapProps) {
  const frame = heatFrame(width, rows.length, isWide);
  const slots = slotsOf(axis, frame);
  const steps = heatSteps(rows);
  const gap = slots.step > 5 ? 1 : 0;
  const paths = steps.map(() => "");
  rows.forEach(({ points }, row) => {
    const top = frame.top + row * HEAT_ROW;
    points.forEach((count, index) => {
      if (count === 0 || axis.states[index] === "missing") return;
      const level = steps.findIndex((most) => count <= most);
      paths[level] += box(slots.at(index), top + 1, Math.max(0.8, slots.step - gap), HEAT_ROW - 2);
    });
  });
  const bottom = frame.top + rows.length * HEAT_ROW;
  return (
    <svg
      class="chart heat"
      width={width}
      height={frame.height}
      viewBox={`0 0 ${width} ${frame.height}`}
      role={hrefOf ? "group" : "img"}
      aria-label={label}
    >
      <Hatches />
      <path
        class="heat-ground"
        d={rows
          .map((_, row) =>
            box(frame.left, frame.top + row * HEAT_ROW + 1, width - frame.left - frame.right, HEAT_ROW - 2),
          )
          .join("")}
      />
      <MissingPeriods states={axis.states} slots={slots} top={frame.top} bottom={bottom} />
      {paths.map((d, level) => (
        <path key={level} class={`h${level}`} d={d} />
      ))}
      {marked && (
        <rect
          class="marked-cell"
          x={slots.at(marked.index) - 0.5}
          width={Math.max(2, slots.step) + 1}
          y={frame.top + marked.row * HEAT_ROW}
          height={HEAT_ROW}
        />
      )}
      {rows.map((row, at) => {
        // All endpoints begin in the same way.
        const name = nameOf(row).replace(/^\/api\/v2(?=\/.)/, "…");
        const text = shortened(name, frame.left - 10, 12);
        const href = hrefOf?.(row);
        const written = (
          <text
            class="row-name"
            x={frame.left - 8}
            y={frame.top + at * HEAT_ROW + HEAT_ROW / 2}
            dy="0.34em"
            text-anchor="end"
          >
            {text}
            {text !== name && <title>{name}</title>}
          </text>
        );
        return href === undefined ? (
          <g key={row.id}>{written}</g>
        ) : (
          <a key={row.id} href={href}>
            {written}
          </a>
        );
      })}
      <DateLabels ticks={dateTicks(axis, slots.step)} slots={slots} width={width} y={frame.height - 8} />
    </svg>
  );
}
