import type { Axis } from "../../views/cube.ts";
import { compact } from "../format.ts";
import { type DateTick, type Frame, runsOf, type Slots, withRoom } from "./layout.ts";

/** Horizontal lines with their numbers. */
export function Ticks({
  ticks,
  y,
  frame,
}: {
  readonly ticks: readonly number[];
  readonly y: (value: number) => number;
  readonly frame: Frame;
}) {
  return (
    <>
      {ticks.map((tick) => (
        <g key={tick} class="tick">
          <line x1={frame.left} x2={frame.width - frame.right} y1={y(tick)} y2={y(tick)} />
          <text x={frame.left - 6} y={y(tick)} dy="0.32em" text-anchor="end">
            {compact(tick)}
          </text>
        </g>
      ))}
    </>
  );
}

/** The periods that are not known, hatched from top to bottom. */
export function MissingPeriods({
  states,
  slots,
  top,
  bottom,
}: {
  readonly states: Axis["states"];
  readonly slots: Pick<Slots, "at" | "step">;
  readonly top: number;
  readonly bottom: number;
}) {
  return (
    <>
      {runsOf(states, "missing").map(([first, last]) => (
        <rect
          key={first}
          class="missing"
          fill="url(#hatch-missing)"
          x={slots.at(first)}
          width={(last - first + 1) * slots.step}
          y={top}
          height={bottom - top}
        />
      ))}
    </>
  );
}

/** The labels below a picture, as many as have room. */
export function DateLabels({
  ticks,
  slots,
  width,
  y,
}: {
  readonly ticks: readonly DateTick[];
  readonly slots: Slots;
  readonly width: number;
  readonly y: number;
}) {
  return (
    <>
      {withRoom(ticks, slots, width).map(({ index, label, x, anchor }) => (
        <text key={index} class="date" x={x} y={y} text-anchor={anchor}>
          {label}
        </text>
      ))}
    </>
  );
}

/** The hatching of missing and unsettled periods. A document needs it once, but may have it several times. */
export function Hatches() {
  return (
    <defs>
      <Hatch name="hatch-missing" size={6} angle={45} />
      <Hatch name="hatch-unsettled" size={4} angle={-45} />
    </defs>
  );
}

function Hatch({
  name,
  size,
  angle,
}: {
  readonly name: string;
  readonly size: number;
  readonly angle: number;
}) {
  return (
    <pattern
      id={name}
      width={size}
      height={size}
      patternUnits="userSpaceOnUse"
      patternTransform={`rotate(${angle})`}
    >
      <line class={name} x1="0" y1="0" x2="0" y2={size} />
    </pattern>
  );
}
