import { type Forecast, forecastTotal } from "../insight/forecast.ts";
import { perDay, TOKEN_REQUESTS_PER_MINUTE } from "../insight/token-limit.ts";
import { addDays, type Day } from "../usage/day.ts";
import type { Counts } from "./counts.ts";
import { axisOf, pointsOf } from "./cube.ts";

/** What is expected of a client, and how near its busiest day comes to the limit of one token. */
export interface Outlook {
  /** Null for a client that is too new, or silent: the forecast would take the days without requests for its habit. */
  readonly next: Forecast | null;
  /** The days that `next` is about. */
  readonly from: Day;
  readonly to: Day;
  readonly busiest:
    | { readonly day: Day; readonly requests: number; readonly tokenPercent: number }
    | undefined;
}

const NEXT_DAYS = 30;
/** The forecast takes its weekdays from eight weeks. */
const LEAST_DAYS = 56;
const RECENT_DAYS = 14;

/** From daily counts by client, with as much history as they have; undefined for other granularities. */
export function outlookOf(counts: Counts, id: string): Outlook | undefined {
  const { period } = counts.basis;
  if (counts.granularity !== "day" || period === null) return undefined;
  const span = { start: period.from, end: period.to };
  const { dates, states } = axisOf(counts, span);
  const points = pointsOf(counts, { granularity: "day", dates, states }, { span, ids: [id] }, "requests");
  const from = addDays(period.to, 1);
  const to = addDays(from, NEXT_DAYS - 1);
  const most = points.indexOf(Math.max(...points));
  const requests = points[most] ?? 0;
  const isSteady =
    points.findIndex((count) => count > 0) <= points.length - LEAST_DAYS &&
    points.slice(-RECENT_DAYS).some((count) => count > 0);
  return {
    next: !isSteady
      ? null
      : forecastTotal(
          { start: span.start, dates, states, counts: points },
          { period: { start: from, end: to } },
        ),
    from,
    to,
    busiest:
      requests > 0
        ? {
            day: dates[most] as Day,
            requests,
            tokenPercent: (100 * requests) / perDay(TOKEN_REQUESTS_PER_MINUTE),
          }
        : undefined,
  };
}
