import { lineThrough } from "../charts/stacked-bars.tsx";
import { changed, compact, whole } from "../format.ts";

export interface TileProps {
  readonly title: string;
  readonly value: number;
  /** Instead of the value. */
  readonly text?: string;
  /** The same in the period before; undefined if that is not known. */
  readonly before: number | undefined;
  /** Undefined for a period that is not known. */
  readonly points?: readonly (number | undefined)[];
  readonly note?: string;
  /** True if more is worse. */
  readonly isBad?: boolean;
  readonly href?: string;
}

/** A number with its change against the period before. */
export function Tile({ title, value, text, before, points, note, isBad = false, href }: TileProps) {
  const change = changed(value, before);
  const isWorse = isBad && before !== undefined && value > before * 1.05;
  const body = (
    <>
      <span class="tile-title">{title}</span>
      <span class="tile-value" title={whole(value)}>
        {text ?? compact(value)}
      </span>
      {change !== undefined && (
        <span class={`tile-change${isWorse ? " worse" : ""}`}>
          {`${change}${change === "no change" || change === "new" ? "" : " against the period before"}`}
        </span>
      )}
      {note && <span class="tile-note">{note}</span>}
      {points && <Spark points={points} />}
    </>
  );
  return href === undefined ? (
    <div class="tile">{body}</div>
  ) : (
    <a class="tile" href={href}>
      {body}
    </a>
  );
}

/** A small line, without an axis. */
export function Spark({ points }: { readonly points: readonly (number | undefined)[] }) {
  const most = Math.max(...points.map((point) => point ?? 0), 1);
  const [width, height] = [120, 28];
  const path = lineThrough(
    points,
    (index) => (points.length < 2 ? width / 2 : 1 + (index * (width - 2)) / (points.length - 1)),
    (value) => height - 2 - (value / most) * (height - 4),
  );
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
