import type { Axis, Layer } from "../../views/cube.ts";
import { DateLabels, Hatches, MissingPeriods, Ticks } from "./axes.tsx";
import { box, dateTicks, type Frame, plainTicks, slotsOf, verticalScale } from "./layout.ts";

export interface StackedBarsProps {
  readonly axis: Axis;
  /** From the bottom to the top. */
  readonly layers: readonly Layer[];
  /** The class of a layer's color: `s0` … `s7`, `s-other`, `c-429`. */
  readonly colorOf: (layer: Layer, index: number) => string;
  /** The total of the period before, as a line. */
  readonly before?: readonly (number | undefined)[] | undefined;
  readonly width: number;
  readonly height: number;
  /** What the picture shows, for people who do not see it. */
  readonly label: string;
  /** The period to mark. */
  readonly marked?: number | undefined;
  /** Labels are the axis's texts themselves, not dates. */
  readonly hasPlainTicks?: boolean;
}

export function barsFrame(width: number, height: number): Frame {
  return { width, height, left: 44, top: 8, right: 4, bottom: 22 };
}

/** Bars for each period, stacked. Missing periods are hatched, and unsettled ones have hatched bars. */
export function StackedBars({
  axis,
  layers,
  colorOf,
  before,
  width,
  height,
  label,
  marked,
  hasPlainTicks = false,
}: StackedBarsProps) {
  const frame = barsFrame(width, height);
  const slots = slotsOf(axis, frame);
  const sums = axis.dates.map((_, index) =>
    layers.reduce((sum, { points }) => sum + (points[index] ?? 0), 0),
  );
  const most = Math.max(...sums, ...(before ?? []).map((value) => value ?? 0), 0);
  const { y, ticks } = verticalScale(most, frame);
  const gap = slots.step > 6 ? Math.min(3, slots.step * 0.18) : slots.step > 3 ? 0.5 : 0;
  const base = height - frame.bottom;
  const bottoms = axis.dates.map(() => 0);
  const paths = layers.map(({ points }) =>
    points
      .map((count, index) => {
        const bottom = bottoms[index] ?? 0;
        bottoms[index] = bottom + count;
        if (count === 0 || axis.states[index] === "missing") return "";
        const [low, high] = [y(bottom), y(bottom + count)];
        return box(slots.at(index) + gap / 2, high, slots.step - gap, Math.max(0.4, low - high));
      })
      .join(""),
  );
  const unsettled = axis.dates
    .map((_, index) => {
      const sum = sums[index] ?? 0;
      if (axis.states[index] !== "unsettled" || sum === 0) return "";
      return box(slots.at(index) + gap / 2, y(sum), slots.step - gap, base - y(sum));
    })
    .join("");
  return (
    <svg
      class="chart"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      <Hatches />
      <Ticks ticks={ticks} y={y} frame={frame} />
      <MissingPeriods states={axis.states} slots={slots} top={frame.top} bottom={base} />
      {layers.map((layer, index) => (
        <path key={layer.key} class={`layer ${colorOf(layer, index)}`} d={paths[index]} />
      ))}
      {unsettled !== "" && <path class="unsettled" fill="url(#hatch-unsettled)" d={unsettled} />}
      {before && (
        <path class="before" d={lineThrough(before, (index) => slots.at(index) + slots.step / 2, y)} />
      )}
      {marked !== undefined && (
        <rect
          class="marked"
          x={slots.at(marked)}
          width={Math.max(1, slots.step)}
          y={frame.top}
          height={base - frame.top}
        />
      )}
      <line class="base" x1={frame.left} x2={width - frame.right} y1={base} y2={base} />
      <DateLabels
        ticks={hasPlainTicks ? plainTicks(axis) : dateTicks(axis, slots.step)}
        slots={slots}
        width={width}
        y={height - 6}
      />
    </svg>
  );
}

/** A line that is broken where a value is not known. */
export function lineThrough(
  points: readonly (number | undefined)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let path = "";
  let isDrawing = false;
  points.forEach((value, index) => {
    if (value === undefined) isDrawing = false;
    else {
      path += `${isDrawing ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
      isDrawing = true;
    }
  });
  return path;
}
