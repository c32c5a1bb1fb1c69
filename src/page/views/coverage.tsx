import type { LakeStatus, PeriodState, Series } from "../../sync/status.ts";
import { addDays, type Day } from "../../usage/day.ts";
import { periodEnd } from "../../usage/period.ts";
import { CalendarMonth } from "../charts/calendar.tsx";
import type { Scope } from "../data.ts";
import { groupingWords, whole } from "../format.ts";
import { rangesText } from "../parts/basis.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Figure } from "../parts/figure.tsx";
import { WhenLoaded } from "../parts/states.tsx";
import { withCode } from "../parts/with-code.tsx";
import { apiPath, useAnswer } from "../server.ts";

const STATES: readonly (readonly [PeriodState, string])[] = [
  ["present", "In the lake"],
  ["changing", "May still be corrected"],
  ["partial", "Partial"],
  ["empty", "In the lake, without usage"],
  ["missing", "Missing"],
  ["damaged", "Damaged"],
  ["newer", "Written by a later version"],
];

/** Which days the lake has. */
export function CoverageView({ scope }: { readonly scope: Scope }) {
  const status = useAnswer<LakeStatus>(apiPath("coverage"));
  return (
    <>
      <h1 tabIndex={-1}>Coverage</h1>
      <p class="under">The days that the lake has. Days that are missing are unknown, not zero.</p>
      <WhenLoaded of={status} height={560}>
        {({ series }) => (
          <>
            {series.map((one) => (
              <SeriesFigure
                key={`${one.service} ${one.granularity} ${one.grouping}`}
                series={one}
                flags={scope.lake.flags}
              />
            ))}
          </>
        )}
      </WhenLoaded>
    </>
  );
}

function SeriesFigure({ series, flags }: { readonly series: Series; readonly flags: string }) {
  const states = statesOf(series);
  const title = `${series.service} by ${series.granularity}, ${groupingWords(series.grouping)}`;
  const present = STATES.filter(([state]) => [...states.values()].includes(state));
  const { missing } = series.coverage;
  const [first] = missing;
  return (
    <Figure
      title={title}
      note={`${series.from} to ${series.to} · ${whole(series.rows)} rows · fetched ${series.fetchedAt?.newest.slice(0, 16).replace("T", " ") ?? "never"} UTC`}
      table={() => (
        <DataTable
          caption={`Periods of ${title}`}
          file="coverage"
          rows={series.periods}
          keyOf={({ date }) => date}
          columns={[
            { key: "date", title: "Period", value: ({ date }) => date, isText: true },
            { key: "state", title: "State", value: ({ state }) => state, isText: true },
            { key: "why", title: "Why", value: ({ why }) => why ?? null, isText: true },
          ]}
        />
      )}
    >
      <ul class="legend">
        {present.map(([state, text]) => (
          <li key={state}>
            <i class={`swatch d-${state}`} aria-hidden="true" />
            {text}
          </li>
        ))}
      </ul>
      <div class="calendar">
        {monthsOf(series).map((month) => (
          <CalendarMonth key={month} month={month} states={states} />
        ))}
      </div>
      {first !== undefined && (
        <p class="partial">
          {withCode(
            `Missing: ${rangesText(missing)}. Fetch them with \`gc-usage sync --from ${first.from} --to ${missing.at(-1)?.to ?? first.to} --service ${series.service} --granularity ${series.granularity} --group-by ${series.grouping.replaceAll("-", ",")}${flags}\`.`,
          )}
        </p>
      )}
    </Figure>
  );
}

/** The state of each day. */
function statesOf({ periods, granularity, to }: Series): ReadonlyMap<Day, PeriodState> {
  const states = new Map<Day, PeriodState>();
  for (const { date, state } of periods) {
    const end = periodEnd(granularity, date) ?? to;
    for (let day = date; day <= end; day = addDays(day, 1)) states.set(day, state);
  }
  return states;
}

function monthsOf({ from, to }: Series): Day[] {
  const months: Day[] = [];
  for (let day = `${from.slice(0, 7)}-01` as Day; day <= to; day = addDays(periodEnd("month", day) as Day, 1))
    months.push(day);
  return months;
}
