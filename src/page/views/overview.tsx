import type { CheckReport } from "../../library/check-report.ts";
import type { Counts } from "../../views/counts.ts";
import { CLASS_NAMES, knownPointsOf, sumOf, type Total, totalsOf } from "../../views/cube.ts";
import { filters, linkTo } from "../address.ts";
import { askForCounts, axesOf, type Scope, selectionOf, useCounts } from "../data.ts";
import { ClientsFigure } from "../parts/clients-figure.tsx";
import { EndpointsFigure } from "../parts/endpoints-figure.tsx";
import { Findings } from "../parts/findings.tsx";
import { FoldedWait, NotHere, useArrival } from "../parts/late.tsx";
import { ProblemTiles } from "../parts/problem-tiles.tsx";
import { RequestsFigure } from "../parts/requests-figure.tsx";
import { WhenLoaded } from "../parts/states.tsx";
import { Tile } from "../parts/tiles.tsx";
import { apiPath, type Loaded, useAnswer } from "../server.ts";

/** Findings first, then who calls, how much, and what fails. */
export function OverviewView({ scope }: { readonly scope: Scope }) {
  const report = useAnswer<CheckReport>(apiPath("findings", { since: scope.span.start }));
  const arrival = useArrival(report.isLoading);
  const hasClients = scope.series.dimensions.includes("client");
  const counts = useCounts(scope, hasClients ? "client" : firstDimension(scope));
  const hasEndpoints = scope.series.dimensions.includes("uri");
  if (hasEndpoints) askForCounts(scope, "endpoint");
  return (
    <>
      <h1 tabIndex={-1}>Overview</h1>
      <section class="findings" aria-label="Findings">
        {report.failure ? (
          <NotHere failure={report.failure} isLate={arrival === "late"} />
        ) : report.value === undefined ? (
          <FoldedWait text="Looking for what needs attention. The first time, this takes a while." />
        ) : (
          <WhenLoaded of={report}>
            {(value) => (
              <Findings
                report={value}
                flags={scope.lake.flags}
                since={scope.span.start}
                isLate={arrival === "late"}
              />
            )}
          </WhenLoaded>
        )}
      </section>
      <WhenLoaded of={arrival === "waiting" ? WAITING : counts} height={620}>
        {(value) => (
          <>
            <Tiles counts={value} scope={scope} />
            {axesOf(value, scope).beforeAxis === undefined && (
              <p class="under">
                Nothing is compared: the lake does not have all days of the period before,{" "}
                {scope.before.start} to {scope.before.end}.
              </p>
            )}
            <RequestsFigure
              counts={value}
              scope={scope}
              selection={selectionOf(value, scope.span)}
              title="Requests over time"
              {...(hasClients ? { what: "Client" } : {})}
            />
            <div class="columns">
              {hasClients && <ClientsFigure counts={value} scope={scope} title="Clients" most={10} isShort />}
              {hasEndpoints && <Endpoints scope={scope} />}
            </div>
          </>
        )}
      </WhenLoaded>
    </>
  );
}

/** Apart from the clients: whichever answer comes last draws only its own part. */
function Endpoints({ scope }: { readonly scope: Scope }) {
  const counts = useCounts(scope, "endpoint");
  return (
    <WhenLoaded of={counts} height={360}>
      {(found) => <EndpointsFigure counts={found} scope={scope} title="Endpoints" most={10} isShort />}
    </WhenLoaded>
  );
}

const WAITING: Loaded<Counts> = { value: undefined, failure: undefined, isLoading: true };

/** The word of a dimension that the rows have. */
export function firstDimension({ series }: Scope): string {
  const [first = "client"] = series.dimensions;
  return first === "uri" ? "endpoint" : first;
}

function active(totals: readonly Total[]): Total[] {
  return totals.filter(({ requests }) => requests > 0);
}

function Tiles({ counts, scope }: { readonly counts: Counts; readonly scope: Scope }) {
  const { axis, beforeAxis } = axesOf(counts, scope);
  const selection = selectionOf(counts, scope.span);
  const totals = active(totalsOf(counts, selection));
  const earlierTotals = beforeAxis && active(totalsOf(counts, { ...selection, span: scope.before }));
  const { status } = filters.value;
  const now = sumOf(totals);
  const earlier = earlierTotals && sumOf(earlierTotals);
  return (
    <div class="tiles">
      <Tile
        title="Requests"
        {...(status.length === 0
          ? {}
          : { note: `only ${status.map((name) => CLASS_NAMES[name]).join(", ")}` })}
        value={now.requests}
        before={earlier?.requests}
        points={knownPointsOf(counts, axis, selection)}
      />
      {/* With a filter of statuses, the requests are already only these. */}
      {status.length === 0 && (
        <ProblemTiles
          counts={counts}
          scope={scope}
          selection={selection}
          now={now}
          before={earlier}
          hrefs={{ limited: linkTo("failures"), failed: linkTo("failures", { measure: "failed" }) }}
        />
      )}
      {counts.by === "client" && (
        <Tile title="Active clients" value={totals.length} before={earlierTotals?.length} />
      )}
    </div>
  );
}
