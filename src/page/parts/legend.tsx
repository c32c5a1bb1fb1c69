import type { Layer } from "../../views/cube.ts";

export interface LegendProps {
  readonly layers: readonly Layer[];
  readonly colorOf: (layer: Layer, index: number) => string;
  /** The name of the dashed line. */
  readonly line?: string;
}

export function Legend({ layers, colorOf, line }: LegendProps) {
  return (
    <ul class="legend">
      {layers.map((layer, index) => (
        <li key={layer.key}>
          <i class={`swatch ${colorOf(layer, index)}`} aria-hidden="true" />
          <span title={layer.label}>{layer.label}</span>
        </li>
      ))}
      {line !== undefined && (
        <li>
          <i class="swatch-line" aria-hidden="true" />
          {line}
        </li>
      )}
    </ul>
  );
}
