import type { Counts } from "../../views/counts.ts";
import { knownPointsOf, type Selection, type Sums } from "../../views/cube.ts";
import { axesOf, type Scope } from "../data.ts";
import { percent } from "../format.ts";
import { Tile } from "./tiles.tsx";

export interface ProblemTilesProps {
  readonly counts: Counts;
  readonly scope: Scope;
  readonly selection: Selection;
  readonly now: Sums;
  /** Undefined if the period before is not known. */
  readonly before: Sums | undefined;
  /** Where the tiles lead; without them, nowhere. */
  readonly hrefs?: { readonly limited: string; readonly failed: string };
}

/** The requests that were rate limited, and those that failed in another way. */
export function ProblemTiles({ counts, scope, selection, now, before, hrefs }: ProblemTilesProps) {
  const { axis } = axesOf(counts, scope);
  return (
    <>
      <Tile
        title="Rate limited (429)"
        value={now.status429}
        before={before?.status429}
        note={`${percent(now.status429, now.all)} of requests`}
        points={knownPointsOf(counts, axis, selection, "429")}
        isBad
        {...(hrefs ? { href: hrefs.limited } : {})}
      />
      <Tile
        title="Other errors (4xx, 5xx)"
        value={now.failed}
        before={before?.failed}
        note={`${percent(now.failed, now.all)} of requests`}
        points={knownPointsOf(counts, axis, selection, "failed")}
        isBad
        {...(hrefs ? { href: hrefs.failed } : {})}
      />
    </>
  );
}
