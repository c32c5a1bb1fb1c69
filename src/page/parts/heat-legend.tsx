import type { HeatRow } from "../../views/cube.ts";
import { heatSteps } from "../charts/heat-map.tsx";
import { compact } from "../format.ts";

/** The counts of the colors: `429s a day: up to 7, 46, …`. */
export function HeatLegend({ rows, what }: { readonly rows: readonly HeatRow[]; readonly what: string }) {
  return (
    <p class="heat-legend">
      <span>{what}:</span>
      {heatSteps(rows).map((most, level) => (
        <span key={level}>
          <i class={`swatch h${level}`} aria-hidden="true" />
          {level === 0 ? "up to " : ""}
          {compact(most)}
        </span>
      ))}
    </p>
  );
}
