import { change, go, linkTo, param } from "../address.ts";
import { type Scope, selectionOf, useCounts } from "../data.ts";
import { Switch } from "../parts/figure.tsx";
import { HeatFigure } from "../parts/heat-figure.tsx";
import { NotSplit } from "../parts/split.tsx";
import { WhenLoaded } from "../parts/states.tsx";

const MEASURES = [
  ["429", "429s"],
  ["failed", "Errors"],
  ["4xx", "4xx"],
  ["5xx", "5xx"],
] as const;

/** When and where requests are rate limited or fail: clients by day, then endpoints by day. */
export function FailuresView({ scope }: { readonly scope: Scope }) {
  const [measure, what] = MEASURES.find(([name]) => name === param("measure")) ?? MEASURES[0];
  const { dimensions } = scope.series;
  const clients = useCounts(scope, "client", { isOff: !dimensions.includes("client") });
  const endpoints = useCounts(scope, "endpoint", { isOff: !dimensions.includes("uri") });
  const lower = what === "Errors" ? "errors" : what;
  return (
    <>
      <h1 tabIndex={-1}>Rate limits and errors</h1>
      <div class="row">
        <Switch
          label="What to show"
          value={measure}
          options={MEASURES}
          onChange={(name) => change({ measure: name === "429" ? undefined : name }, "replace")}
        />
        <span class="under">
          {measure === "429"
            ? "Requests that got an HTTP 429, because a limit was reached."
            : "Errors are 4xx except 429s, and 5xx."}
        </span>
      </div>
      {dimensions.includes("client") ? (
        <WhenLoaded of={clients} height={420}>
          {(counts) => (
            <HeatFigure
              counts={counts}
              scope={scope}
              selection={selectionOf(counts, scope.span)}
              measure={measure}
              what={lower}
              title={`Clients by ${lower}`}
              hrefOf={({ id }) => (id === null ? undefined : linkTo("client", { id, client: undefined }))}
              onChoose={({ id }) => {
                if (id !== null) go(linkTo("client", { id, client: undefined }));
              }}
              empty={`No client got any ${lower} in this period.`}
            />
          )}
        </WhenLoaded>
      ) : (
        <NotSplit by="client" scope={scope} />
      )}
      {dimensions.includes("uri") && (
        <WhenLoaded of={endpoints} height={420}>
          {(counts) => (
            <HeatFigure
              counts={counts}
              scope={scope}
              selection={selectionOf(counts, scope.span)}
              measure={measure}
              what={lower}
              title={`Endpoints by ${lower}`}
              onChoose={({ id }) => {
                if (id !== null) change({ endpoint: [id] });
              }}
              empty={`No endpoint has any ${lower} in this period.`}
            />
          )}
        </WhenLoaded>
      )}
    </>
  );
}
