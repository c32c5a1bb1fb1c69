import { useState } from "preact/hooks";
import type { Day } from "../../usage/day.ts";
import type { SqlAnswer } from "../../views/api.ts";
import type { Axis, Layer } from "../../views/cube.ts";
import { slotsOf } from "../charts/layout.ts";
import { barsFrame, StackedBars } from "../charts/stacked-bars.tsx";
import { whole } from "../format.ts";
import { Plot } from "../parts/plot.tsx";

const HEIGHT = 260;
const NUMBERS = ["integer", "double", "decimal"];

/** Bars of a column of numbers, for each day or for each text of the first column. Columns may overlap, so they are not stacked. */
export function SqlChart({ answer: { columns, rows } }: { readonly answer: SqlAnswer }) {
  const found = columns.findIndex(({ kind }) => kind === "date");
  const across = found >= 0 ? found : columns.findIndex(({ kind }) => !NUMBERS.includes(kind));
  const numbers = columns.flatMap(({ name, kind }, index) =>
    NUMBERS.includes(kind) && index !== across ? { name, index } : [],
  );
  const [chosen, setChosen] = useState(0);
  const number = numbers[chosen] ?? numbers[0];
  if (across < 0 || number === undefined || rows.length === 0) {
    return <p class="nothing">A chart needs rows with a column of days or text, and a column of numbers.</p>;
  }
  const shown = rows.slice(0, 400);
  const names = shown.map((row) => String(row[across] ?? "–"));
  const isDates = found >= 0;
  const axis: Axis = {
    granularity: "total",
    dates: (isDates ? names : names.map((name) => name.slice(0, 14))) as Day[],
    states: shown.map(() => "settled" as const),
  };
  const points = shown.map((row) => Math.max(0, Number(row[number.index] ?? 0)));
  const layers: Layer[] = [{ key: number.name, label: number.name, points }];
  return (
    <>
      {numbers.length > 1 ? (
        <label>
          Column{" "}
          <select
            value={String(numbers.indexOf(number))}
            onChange={(event) => setChosen(Number(event.currentTarget.value))}
          >
            {numbers.map(({ name }, index) => (
              <option key={index} value={String(index)}>
                {name}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <p class="under">{number.name}</p>
      )}
      <Plot
        height={HEIGHT}
        label={`${number.name} of each row.`}
        last={{ index: shown.length - 1, row: 0 }}
        markAt={(width, x) => {
          const index = slotsOf(axis, barsFrame(width, HEIGHT)).under(x);
          return index === undefined ? undefined : { index, row: 0 };
        }}
        draw={(width, mark) => (
          <StackedBars
            axis={axis}
            layers={layers}
            colorOf={() => "s0"}
            width={width}
            height={HEIGHT}
            label={`${number.name} of each row`}
            marked={mark?.index}
            hasPlainTicks={!isDates}
          />
        )}
        tip={({ index }) => (
          <>
            <b>{names[index]}</b>
            <div>
              {number.name}: {whole(points[index] ?? 0)}
            </div>
          </>
        )}
      />
      {rows.length > shown.length && <p class="under">The first {shown.length} rows.</p>}
    </>
  );
}
