import type { ComponentChildren } from "preact";
import type { Counts } from "../../views/counts.ts";
import { type Scope, selectionOf } from "../data.ts";
import type { Loaded } from "../server.ts";
import { RequestsFigure } from "./requests-figure.tsx";
import { EmptyNote, WhenLoaded } from "./states.tsx";
import { withCode } from "./with-code.tsx";

export interface SplitProps {
  readonly counts: Loaded<Counts>;
  readonly scope: Scope;
  /** What the counts are split by: `Client`. */
  readonly what: string;
  /** More about the same counts. */
  readonly children: (counts: Counts) => ComponentChildren;
}

/** Requests over time, split by the values of a dimension, and what follows from the same counts. */
export function Split({ counts, scope, what, children }: SplitProps) {
  return (
    <WhenLoaded of={counts} height={640}>
      {(value) => (
        <>
          <RequestsFigure
            counts={value}
            scope={scope}
            selection={selectionOf(value, scope.span)}
            title={`Requests by ${what.toLowerCase()}`}
            what={what}
          />
          {children(value)}
        </>
      )}
    </WhenLoaded>
  );
}

/** The shown rows do not have a dimension, and how to get rows that do. */
export function NotSplit({ by, scope }: { readonly by: string; readonly scope: Scope }) {
  return (
    <EmptyNote>
      <p>
        {withCode(
          `These rows are not split by ${by}. Run \`gc-usage sync --group-by client,uri,method${scope.lake.flags}\`.`,
        )}
      </p>
    </EmptyNote>
  );
}
