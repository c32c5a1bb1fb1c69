import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** The width of an element, and again whenever it changes. */
export function useWidth(): readonly [{ current: HTMLDivElement | null }, number] {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const { current } = element;
    if (current === null) return undefined;
    setWidth(Math.floor(current.clientWidth));
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

/** A position in a picture: a period, and a row if it has rows. */
export interface Mark {
  readonly index: number;
  readonly row: number;
}

export interface PlotProps {
  readonly height: number;
  readonly draw: (width: number, mark: Mark | undefined) => ComponentChildren;
  /** What is below a position in pixels. */
  readonly markAt: (width: number, x: number, y: number) => Mark | undefined;
  /** The largest positions, for the arrow keys. */
  readonly last: Mark;
  readonly tip: (mark: Mark) => ComponentChildren;
  readonly onChoose?: ((mark: Mark) => void) | undefined;
  readonly label: string;
}

/** A picture that shows what is below the pointer, and can be explored with the arrow keys. */
export function Plot({ height, draw, markAt, last, tip, onChoose, label }: PlotProps) {
  const [element, width] = useWidth();
  const [mark, setMark] = useState<Mark | undefined>();
  const [pointer, setPointer] = useState<{ x: number; y: number } | undefined>();
  const inside = mark !== undefined && mark.index <= last.index && mark.row <= last.row ? mark : undefined;

  const onPointer = (event: PointerEvent) => {
    const area = element.current?.getBoundingClientRect();
    if (area === undefined) return;
    const [x, y] = [event.clientX - area.left, event.clientY - area.top];
    setMark(markAt(width, x, y));
    setPointer({ x, y });
  };
  const leave = () => {
    setMark(undefined);
    setPointer(undefined);
  };
  const onKey = (event: KeyboardEvent) => {
    const from = inside ?? { index: last.index + 1, row: 0 };
    const within = (value: number, most: number) => Math.min(most, Math.max(0, value));
    const moves: Record<string, Mark> = {
      ArrowLeft: { ...from, index: within(from.index - 1, last.index) },
      ArrowRight: { ...from, index: within(from.index + 1, last.index) },
      ArrowUp: { index: within(from.index, last.index), row: within(from.row - 1, last.row) },
      ArrowDown: { index: within(from.index, last.index), row: within(from.row + 1, last.row) },
      Home: { ...from, index: 0 },
      End: { ...from, index: last.index },
    };
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && inside) onChoose?.(inside);
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    setMark(move);
    setPointer(undefined);
  };
  return (
    <div
      class="plot"
      ref={element}
      // Its height is known before its width, so that nothing moves.
      style={{ height: `${height}px` }}
      // biome-ignore lint: a picture that can be explored has to take the focus.
      tabIndex={0}
      role="application"
      aria-roledescription="chart"
      aria-label={`${label} Use the arrow keys to read the values, or the table below.`}
      onPointerMove={onPointer}
      onPointerDown={onPointer}
      onPointerLeave={leave}
      onBlur={leave}
      onKeyDown={onKey}
      onClick={() => inside && onChoose?.(inside)}
    >
      {width > 0 && draw(width, inside)}
      {inside && (
        <div
          class={`tip ${(pointer?.x ?? width / 2) > width / 2 ? "tip-left" : "tip-right"}`}
          style={pointer && tipPlace(pointer, width, height)}
          aria-hidden="true"
        >
          {tip(inside)}
        </div>
      )}
      {/* Always here: a live region is only read aloud when it changes. The pointer is for people who see. */}
      <div class="hidden" role="status">
        {inside && pointer === undefined && tip(inside)}
      </div>
    </div>
  );
}

/** Pictures below this height have the text at their top. */
const LOW = 320;

/** Next to the pointer, on the side with more room. */
function tipPlace({ x, y }: { x: number; y: number }, width: number, height: number) {
  const vertical =
    height < LOW
      ? { top: "8px" }
      : y > height / 2
        ? { bottom: `${height - y + 8}px` }
        : { top: `${y + 12}px` };
  return x > width / 2 ? { right: `${width - x + 14}px`, ...vertical } : { left: `${x + 14}px`, ...vertical };
}
