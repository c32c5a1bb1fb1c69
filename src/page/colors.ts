import type { Layer } from "../views/cube.ts";

/** How many values have a color of their own. style.css has the colors, that remain distinct for color-blind people. */
export const MOST_COLORS = 7;

/** By value, the same client has the same color in all pictures of a view, whatever its place. */
export function colorByValue(layers: readonly Layer[]): (layer: Layer) => string {
  const own = layers.filter(({ value }) => value !== undefined);
  return (layer) => (layer.value === undefined ? "s-other" : `s${own.indexOf(layer)}`);
}

/** By class of status. */
export function colorByStatus({ key }: Pick<Layer, "key">): string {
  return `c-${key}`;
}
