import { scaleLinear } from "d3-scale";
import { weekdayOf } from "../../insight/daily-series.ts";
import type { Day } from "../../usage/day.ts";
import type { Axis } from "../../views/cube.ts";
import { monthName, shortDay } from "../format.ts";

/** The area of a picture, in pixels. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A slot for each period of the axis. */
export interface Slots {
  readonly count: number;
  readonly step: number;
  /** The left edge of a slot. */
  at(index: number): number;
  /** The slot below a position; undefined outside. */
  under(x: number): number | undefined;
}

export function slotsOf({ dates }: Axis, { width, left, right }: Frame): Slots {
  const count = dates.length;
  const step = count === 0 ? 0 : (width - left - right) / count;
  return {
    count,
    step,
    at: (index) => left + index * step,
    under: (x) => {
      const index = Math.floor((x - left) / step);
      return index >= 0 && index < count ? index : undefined;
    },
  };
}

/** A vertical scale from 0, with its ticks. */
export function verticalScale(most: number, { height, top, bottom }: Frame) {
  const scale = scaleLinear([0, Math.max(1, most)], [height - bottom, top]).nice(4);
  return { y: (value: number) => scale(value), ticks: scale.ticks(4).filter(Number.isInteger) };
}

export interface DateTick {
  readonly index: number;
  readonly label: string;
}

/** The width of a text in pixels, roughly and rather too large: a report is drawn where no font can be measured. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) ems += /[ijltfr.,:;'|!()[\]{}/ ]/.test(character) ? 0.42 : widthOf(character);
  return ems * fontSize;
}

function widthOf(character: string): number {
  if (/[mwMW@%…]/.test(character) || character > "\u2e80") return 1;
  return /[A-Z]/.test(character) ? 0.74 : 0.63;
}

const graphemes = new Intl.Segmenter();

/** The beginning of a text that has room, with a sign if it is not all. */
export function shortened(text: string, room: number, fontSize: number): string {
  if (textWidth(text, fontSize) <= room) return text;
  const characters = Array.from(graphemes.segment(text), ({ segment }) => segment);
  while (characters.length > 1 && textWidth(`${characters.join("")}…`, fontSize) > room) characters.pop();
  return `${characters.join("")}…`;
}

/** Where a label of a period goes: below its middle, or at the edge of the picture. */
function labelPlace(
  index: number,
  slots: Slots,
  { width, half }: { readonly width: number; readonly half: number },
): Pick<PlacedTick, "x" | "anchor"> {
  const x = slots.at(index) + slots.step / 2;
  if (x < slots.at(0) + half) return { x: slots.at(index), anchor: "start" };
  return x > width - half ? { x: width - 1, anchor: "end" } : { x, anchor: "middle" };
}

/** Labels for a time axis of slots of `step` pixels: days, Mondays or months. `withRoom` leaves out those that overlap. */
export function dateTicks({ dates, granularity }: Axis, step: number): DateTick[] {
  const every = Math.ceil(56 / Math.max(step, 0.01));
  if (granularity === "month" || every > 21)
    return dates.flatMap((date, index) =>
      isFirstOfMonth(dates, index) ? { index, label: monthName(date) } : [],
    );
  const stride = every > 1 && every <= 7 && granularity === "day" ? 7 : every;
  const offset = stride === 7 ? firstMonday(dates) : 0;
  return dates.flatMap((date, index) =>
    (index - offset) % stride === 0 ? { index, label: shortDay(date) } : [],
  );
}

/** The texts of an axis that is not of time. */
export function plainTicks({ dates }: Axis): DateTick[] {
  return dates.map((label, index) => ({ index, label }));
}

/** A label of an axis, in its place. */
export interface PlacedTick extends DateTick {
  readonly x: number;
  readonly anchor: "start" | "middle" | "end";
}

const LABEL_SIZE = 11;
const LABEL_GAP = 8;

/** As many labels as have room next to each other, from the left, in their places. */
export function withRoom(ticks: readonly DateTick[], slots: Slots, width: number): PlacedTick[] {
  const placed: PlacedTick[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const tick of ticks) {
    const long = textWidth(tick.label, LABEL_SIZE);
    const { x, anchor } = labelPlace(tick.index, slots, { width, half: long / 2 });
    const left = anchor === "start" ? x : anchor === "end" ? x - long : x - long / 2;
    if (left < end + LABEL_GAP) continue;
    placed.push({ ...tick, x, anchor });
    end = left + long;
  }
  return placed;
}

function isFirstOfMonth(dates: readonly Day[], index: number): boolean {
  return (
    dates[index]?.slice(0, 7) !== dates[index - 1]?.slice(0, 7) &&
    (index > 0 || dates[0]?.endsWith("-01") === true)
  );
}

function firstMonday(dates: readonly Day[]): number {
  return Math.max(
    0,
    dates.findIndex((date) => weekdayOf(date) === 0),
  );
}

/** A rectangle as part of a path. Whole tenths of a pixel keep reports small. */
export function box(x: number, y: number, width: number, height: number): string {
  return `M${tenth(x)} ${tenth(y)}h${tenth(width)}v${tenth(height)}h${tenth(-width)}z`;
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Consecutive periods in the same state, as [first, last]. */
export function runsOf<State>(states: readonly State[], wanted: State): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  states.forEach((state, index) => {
    if (state !== wanted) return;
    const last = runs.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  });
  return runs;
}
