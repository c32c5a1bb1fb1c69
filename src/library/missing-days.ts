import { type Day, eachDay } from "../usage/day.ts";
import { type DayRange, type Envelope, rangesOf } from "../usage/envelope.ts";
import { hasStart, type WindowFlags } from "../usage/window.ts";

const READ: readonly string[] = ["requests", "status429"];

/**
 * The days of the period that are not in the lake, or without the figures that are read. Unless the period's start was given, it
 * starts with the lake's first day.
 */
export function missingDays({ period, coverage }: Envelope, flags: WindowFlags): DayRange[] {
  if (period === null || coverage === null) return [];
  const days = new Set<Day>();
  const add = ({ from, to }: DayRange): void => eachDay(from, to).forEach((day) => void days.add(day));
  coverage.missing.forEach(add);
  for (const range of coverage.partial) if (range.lacks.some((metric) => READ.includes(metric))) add(range);
  const ranges = rangesOf([...days].sort());
  const isEmpty = days.size === coverage.days;
  return hasStart(flags) || isEmpty ? ranges : ranges.filter(({ from }) => from !== period.from);
}
