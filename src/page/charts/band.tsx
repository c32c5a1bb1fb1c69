import type { FairUseReport } from "../../library/fair-use-report.ts";
import { daysBetween } from "../../usage/day.ts";
import { compact, shortDay } from "../format.ts";
import { Hatches, MissingPeriods, Ticks } from "./axes.tsx";
import { verticalScale } from "./layout.ts";

export interface BandProps {
  readonly report: FairUseReport;
  readonly width: number;
  readonly height: number;
}

/** Requests used so far, the forecast with its band, and the allowance. */
export function Band({ report, width, height }: BandProps) {
  const { period, through, used, forecast, allowance, daily } = report;
  const frame = { width, height, left: 48, top: 14, right: 12, bottom: 22 };
  const most = Math.max(allowance, used.requests, forecast?.band?.high ?? 0, forecast?.requests ?? 0) * 1.05;
  const { y, ticks } = verticalScale(most, frame);
  const days = daysBetween(period.from, period.to) + 1;
  const x = (day: number) => frame.left + (day / days) * (width - frame.left - frame.right);
  const now = daysBetween(period.from, through) + 1;
  const end = x(days);
  let sum = 0;
  const line = daily
    .map(({ requests }, index) => {
      sum += requests ?? 0;
      return `L${x(index + 1).toFixed(1)} ${y(sum).toFixed(1)}`;
    })
    .reduce((path, point) => path + point, `M${x(0)} ${y(0)}`);
  const label =
    `${used.requests} of ${allowance} requests used through ${through}.` +
    (forecast ? ` ${forecast.requests} are expected by ${period.to}.` : "");
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
      <MissingPeriods
        states={daily.map(({ requests }) => (requests === null ? "missing" : "settled"))}
        slots={{ at: x, step: x(1) - x(0) }}
        top={frame.top}
        bottom={y(0)}
      />
      <path class="used-area" d={`${line}L${x(now)} ${y(0)}Z`} />
      <path class="used-line" d={line} />
      {forecast?.band && (
        <path
          class="forecast-band"
          d={`M${x(now)} ${y(used.requests)}L${end} ${y(forecast.band.high)}L${end} ${y(forecast.band.low)}Z`}
        />
      )}
      {forecast && (
        <path class="forecast-line" d={`M${x(now)} ${y(used.requests)}L${end} ${y(forecast.requests)}`} />
      )}
      <line class="allowance-line" x1={frame.left} x2={end} y1={y(allowance)} y2={y(allowance)} />
      <text class="allowance-text" x={frame.left + 4} y={y(allowance) - 4}>
        allowance {compact(allowance)}
      </text>
      <text class="date" x={frame.left} y={height - 6}>
        {shortDay(period.from)}
      </text>
      {now > days * 0.12 && now < days * 0.88 && (
        <text class="date" x={x(now)} y={height - 6} text-anchor="middle">
          {shortDay(through)}
        </text>
      )}
      <text class="date" x={end} y={height - 6} text-anchor="end">
        {shortDay(period.to)}
      </text>
    </svg>
  );
}
