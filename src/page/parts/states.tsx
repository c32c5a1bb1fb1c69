import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { type Failure, type Loaded, retry } from "../server.ts";
import { withCode } from "./with-code.tsx";

/** What is not here, why, and what to do about it. */
export function FailureNote({ failure }: { readonly failure: Failure }) {
  return (
    <div class="note failure" role="alert">
      <p>{failure.message}</p>
      {failure.hint && <p class="hint">{withCode(failure.hint)}</p>}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

export function EmptyNote({ children }: { readonly children: ComponentChildren }) {
  return <div class="note">{children}</div>;
}

/**
 * A free place of `height` pixels for what is on its way. It is a component so that what comes is another element: an element that
 * changes its place is a shift.
 */
export function Awaited({ height }: { readonly height: number }) {
  return (
    <div class="loading" style={{ minHeight: `${height}px` }} role="status">
      <span class="hidden">Loading…</span>
    </div>
  );
}

export interface WhenLoadedProps<Value> {
  readonly of: Loaded<Value>;
  /** The height to keep free, in pixels, so that nothing moves. */
  readonly height?: number;
  readonly children: (value: Value) => ComponentChildren;
}

/** The answer, or that it is on its way, or why it is not here. */
export function WhenLoaded<Value>({
  of: { value, failure, isLoading },
  height = 160,
  children,
}: WhenLoadedProps<Value>) {
  const last = useRef<ComponentChildren>(undefined);
  if (value !== undefined) {
    // An older answer stays as it was drawn, with the filters that it was for.
    if (!isLoading || last.current === undefined) last.current = children(value);
    return (
      <div class={isLoading ? "stack is-loading" : "stack"} aria-busy={isLoading}>
        {last.current}
      </div>
    );
  }
  if (failure) return <FailureNote failure={failure} />;
  return <Awaited height={height} />;
}
