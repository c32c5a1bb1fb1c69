import type { Counts } from "../../views/counts.ts";
import {
  type Axis,
  basisWithin,
  knownPointsOf,
  type Layer,
  layersByStatus,
  layersByValue,
  type Selection,
} from "../../views/cube.ts";
import { change, param } from "../address.ts";
import { slotsOf } from "../charts/layout.ts";
import { barsFrame, StackedBars } from "../charts/stacked-bars.tsx";
import { colorByStatus, colorByValue, MOST_COLORS } from "../colors.ts";
import { axesOf, hasLocalLabels, type Scope, sqlOf } from "../data.ts";
import { localHours, longDay, nameOf, percent, whole } from "../format.ts";
import { DataTable } from "./data-table.tsx";
import { Figure, Switch } from "./figure.tsx";
import { Legend } from "./legend.tsx";
import { Plot } from "./plot.tsx";

export interface RequestsFigureProps {
  readonly counts: Counts;
  readonly scope: Scope;
  readonly selection: Selection;
  readonly title: string;
  /** How layers can be chosen: by the values of the counts, or only by status. */
  readonly what?: string;
  readonly height?: number;
}

const LINE = "Period before";

/** Requests over time, stacked by value or by class of status, with the period before as a line. */
export function RequestsFigure({ counts, scope, selection, title, what, height = 280 }: RequestsFigureProps) {
  const { axis, beforeAxis } = axesOf(counts, scope);
  const stack = what === undefined || param("stack") === "status" ? "status" : "value";
  const layers =
    stack === "status"
      ? layersByStatus(counts, axis, selection)
      : layersByValue(counts, axis, selection, { most: MOST_COLORS, nameOf });
  const colorOf = stack === "status" ? colorByStatus : colorByValue(layers);
  const known = beforeAxis && knownPointsOf(counts, beforeAxis, { ...selection, span: scope.before });
  const tip = (index: number) => (
    <Tip
      axis={axis}
      layers={layers}
      colorOf={colorOf}
      index={index}
      before={known?.[index]}
      beforeDate={beforeAxis?.dates[index]}
    />
  );
  return (
    <Figure
      title={title}
      basis={basisWithin(counts.basis, scope.span)}
      {...sqlOf(counts)}
      tools={
        what !== undefined && (
          <Switch
            label="Stack by"
            value={stack}
            options={[
              ["value", what],
              ["status", "Status"],
            ]}
            onChange={(name) => change({ stack: name === "value" ? undefined : name }, "replace")}
          />
        )
      }
      table={() => <LayersTable axis={axis} layers={layers} title={title} />}
    >
      <Legend layers={layers} colorOf={colorOf} {...(known ? { line: LINE } : {})} />
      <Plot
        height={height}
        label={`${title}, ${scope.span.start} to ${scope.span.end}.`}
        last={{ index: axis.dates.length - 1, row: 0 }}
        markAt={(width, x) => {
          const index = slotsOf(axis, barsFrame(width, height)).under(x);
          return index === undefined ? undefined : { index, row: 0 };
        }}
        draw={(width, mark) => (
          <StackedBars
            axis={axis}
            layers={layers}
            colorOf={colorOf}
            before={known}
            width={width}
            height={height}
            label={title}
            marked={mark?.index}
          />
        )}
        tip={({ index }) => tip(index)}
      />
    </Figure>
  );
}

interface TipProps {
  readonly axis: Axis;
  readonly layers: readonly Layer[];
  readonly colorOf: (layer: Layer, index: number) => string;
  readonly index: number;
  readonly before: number | undefined;
  readonly beforeDate: string | undefined;
}

function Tip({ axis, layers, colorOf, index, before, beforeDate }: TipProps) {
  const date = axis.dates[index];
  if (date === undefined) return null;
  const sum = layers.reduce((all, { points }) => all + (points[index] ?? 0), 0);
  const shown = layers
    .map((layer, at) => ({ layer, at, count: layer.points[index] ?? 0 }))
    .filter(({ count }) => count > 0);
  return (
    <>
      <b>{axis.granularity === "day" ? longDay(date) : `${axis.granularity} of ${date}`}</b>
      {hasLocalLabels() && axis.granularity === "day" && <div class="under">{localHours(date)} here</div>}
      {axis.states[index] === "missing" ? (
        <div>Not in the lake: the requests are unknown.</div>
      ) : (
        <table>
          <tbody>
            {[...shown].reverse().map(({ layer, at, count }) => (
              <tr key={layer.key}>
                <td>
                  <i class={`swatch ${colorOf(layer, at)}`} /> {layer.label}
                </td>
                <td class="number">{whole(count)}</td>
                <td class="number under">{percent(count, sum)}</td>
              </tr>
            ))}
            <tr class="sum">
              <td>All</td>
              <td class="number">{whole(sum)}</td>
              <td />
            </tr>
            {before !== undefined && (
              <tr class="under">
                <td>{beforeDate}</td>
                <td class="number">{whole(before)}</td>
                <td />
              </tr>
            )}
          </tbody>
        </table>
      )}
      {axis.states[index] === "unsettled" && <div class="under">May still be corrected.</div>}
    </>
  );
}

function LayersTable({
  axis,
  layers,
  title,
}: {
  readonly axis: Axis;
  readonly layers: readonly Layer[];
  readonly title: string;
}) {
  const rows = axis.dates.map((date, index) => ({ date, index }));
  const isMissing = (index: number) => axis.states[index] === "missing";
  return (
    <DataTable
      caption={title}
      file="requests"
      rows={rows}
      keyOf={({ date }) => date}
      columns={[
        { key: "date", title: "UTC day", value: ({ date }) => date, isText: true },
        ...layers.map(({ key, label, points }) => ({
          key,
          title: label,
          value: ({ index }: { index: number }) => (isMissing(index) ? null : (points[index] ?? 0)),
        })),
      ]}
    />
  );
}
