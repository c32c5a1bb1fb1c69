import { weekdayOf } from "../../insight/daily-series.ts";
import type { PeriodState } from "../../sync/status.ts";
import { addDays, type Day } from "../../usage/day.ts";
import { Hatches } from "./axes.tsx";

const CELL = 14;
const MONTH_WIDTH = 7 * CELL + 18;
const MONTH_HEIGHT = 6 * CELL + 34;

/** A month of days, Monday first. */
export function CalendarMonth({
  month,
  states,
}: {
  readonly month: Day;
  readonly states: ReadonlyMap<Day, PeriodState>;
}) {
  const first = new Date(`${month}T00:00:00Z`);
  const offset = weekdayOf(month);
  const cells = [];
  for (let day = month; day.slice(0, 7) === month.slice(0, 7); day = addDays(day, 1)) {
    const at = offset + Number(day.slice(8)) - 1;
    const state = states.get(day);
    cells.push(
      <rect
        key={day}
        class={`day d-${state ?? "none"}`}
        x={(at % 7) * CELL}
        y={20 + Math.floor(at / 7) * CELL}
        width={CELL - 2}
        height={CELL - 2}
        rx="2"
      >
        <title>{`${day}: ${state === undefined ? "outside of the lake's days" : state}`}</title>
      </rect>,
    );
  }
  const name = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", month: "long", year: "numeric" }).format(
    first,
  );
  const count = [...states].filter(
    ([day, state]) => day.startsWith(month.slice(0, 7)) && state === "missing",
  ).length;
  return (
    <svg
      class="month"
      width={MONTH_WIDTH}
      height={MONTH_HEIGHT}
      viewBox={`0 0 ${MONTH_WIDTH} ${MONTH_HEIGHT}`}
      role="img"
      aria-label={`${name}: ${count === 0 ? "no day is missing" : `${count} days are missing`}`}
    >
      <Hatches />
      <text class="month-name" x="0" y="12">
        {name}
      </text>
      {cells}
    </svg>
  );
}
