import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Failure } from "../server.ts";
import { FailureNote } from "./states.tsx";

/** How an answer came that stands above others: what is below waits for it, but not long. */
export type Arrival = "waiting" | "in time" | "late";

const PATIENCE_MS = 600;

/** What is below an answer appears once that is here, or after a moment. An answer that comes later does not move what is below. */
export function useArrival(isLoading: boolean): Arrival {
  const [isPatient, setPatient] = useState(true);
  // Decided once: a timer that ends just after the answer came changes nothing.
  const decided = useRef<Arrival>("waiting");
  if (decided.current === "waiting" && !isLoading) decided.current = "in time";
  if (decided.current === "waiting" && !isPatient) decided.current = "late";
  useEffect(() => {
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return decided.current;
}

/** A strip of a fixed height for what came late: what it is about, and a button that shows it. */
export function Folded({
  title,
  text,
  children,
}: {
  readonly title: string;
  readonly text: string;
  readonly children: ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return <>{children}</>;
  return (
    <div class="folded">
      <div>
        <h2>{title}</h2>
        <p class="under">{text}</p>
      </div>
      <button type="button" class="quiet" onClick={() => setOpen(true)}>
        Show
      </button>
    </div>
  );
}

/** The same strip while it is on its way. */
export function FoldedWait({ text }: { readonly text: string }) {
  return (
    <div class="folded loading" role="status">
      <p class="under">{text}</p>
    </div>
  );
}

/** The same strip if there is nothing to show. */
export function FoldedNothing({ text }: { readonly text: string }) {
  return (
    <div class="folded">
      <p class="under">{text}</p>
    </div>
  );
}

/** Why an answer is not here, without moving what is below if that is there already. */
export function NotHere({ failure, isLate }: { readonly failure: Failure; readonly isLate: boolean }) {
  const note = <FailureNote failure={failure} />;
  if (!isLate) return note;
  return (
    <Folded title="This failed" text={failure.message}>
      {note}
    </Folded>
  );
}
