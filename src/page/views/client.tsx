import { useMemo } from "preact/hooks";
import { perDay, TOKEN_REQUESTS_PER_MINUTE } from "../../insight/token-limit.ts";
import type { CheckReport } from "../../library/check-report.ts";
import type { Diagnosis } from "../../library/diagnosis.ts";
import type { Counts } from "../../views/counts.ts";
import { basisWithin, knownPointsOf, sumOf, totalsOf } from "../../views/cube.ts";
import { outlookOf } from "../../views/outlook.ts";
import { linkTo, param } from "../address.ts";
import { axesOf, type Scope, sqlOf, useCounts } from "../data.ts";
import { compact, nameOf, shortDay, whole } from "../format.ts";
import { ClientsFigure } from "../parts/clients-figure.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { EndpointsFigure } from "../parts/endpoints-figure.tsx";
import { Figure } from "../parts/figure.tsx";
import { Finding } from "../parts/finding.tsx";
import { HeatFigure } from "../parts/heat-figure.tsx";
import { Folded, FoldedNothing, FoldedWait, NotHere, useArrival } from "../parts/late.tsx";
import { ProblemTiles } from "../parts/problem-tiles.tsx";
import { RequestsFigure } from "../parts/requests-figure.tsx";
import { NotSplit, Split } from "../parts/split.tsx";
import { Awaited, EmptyNote, WhenLoaded } from "../parts/states.tsx";
import { Tile } from "../parts/tiles.tsx";
import { apiPath, type Loaded, useAnswer } from "../server.ts";

/** All clients, or everything about one of them. */
export function ClientView({ scope }: { readonly scope: Scope }) {
  const id = param("id");
  const hasClients = scope.series.dimensions.includes("client");
  const all = useCounts(scope, "client", { isOff: !hasClients });
  if (!hasClients)
    return (
      <>
        <h1 tabIndex={-1}>Clients</h1>
        <NotSplit by="client" scope={scope} />
      </>
    );
  if (id === undefined) return <AllClients counts={all} scope={scope} />;
  const client = all.value?.values.find((value) => value.id === id);
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("client", { id: undefined })}>Clients</a>
      </p>
      <h1 tabIndex={-1}>{client ? nameOf(client) : id}</h1>
      <p class="under id">{id}</p>
      <WhenLoaded of={all} height={700}>
        {(counts) =>
          client ? (
            <Known key={id} counts={counts} scope={scope} id={id} />
          ) : (
            <EmptyNote>
              <p>The lake has no requests of this client in the days that are loaded. Its id is {id}.</p>
            </EmptyNote>
          )
        }
      </WhenLoaded>
    </>
  );
}

function AllClients({ counts, scope }: { readonly counts: Loaded<Counts>; readonly scope: Scope }) {
  return (
    <>
      <h1 tabIndex={-1}>Clients</h1>
      <Split counts={counts} scope={scope} what="Client">
        {(value) => <ClientsFigure counts={value} scope={scope} title="Clients" />}
      </Split>
    </>
  );
}

function Known({
  counts,
  scope,
  id,
}: {
  readonly counts: Counts;
  readonly scope: Scope;
  readonly id: string;
}) {
  const selection = { span: scope.span, ids: [id] };
  const { axis, beforeAxis } = axesOf(counts, scope);
  const now = sumOf(totalsOf(counts, selection));
  const earlier = beforeAxis && sumOf(totalsOf(counts, { ...selection, span: scope.before }));
  const { dimensions } = scope.series;
  const endpoints = useCounts(scope, "endpoint", { client: id, isOff: !dimensions.includes("uri") });
  const methods = useCounts(scope, "method", { client: id, isOff: !dimensions.includes("method") });
  const report = useAnswer<CheckReport>(apiPath("findings", { since: scope.span.start }));
  const diagnosis = useAnswer<Diagnosis>(
    now.status429 > 0
      ? apiPath("diagnosis", { client: id, from: scope.span.start, to: scope.span.end })
      : undefined,
  );
  const arrival = useArrival(report.isLoading || diagnosis.isLoading);
  if (arrival === "waiting") return <Awaited height={700} />;
  return (
    <>
      <OwnFindings report={report} id={id} isLate={arrival === "late"} />
      <div class="tiles">
        <Tile
          title="Requests"
          value={now.all}
          before={earlier?.all}
          points={knownPointsOf(counts, axis, selection, "requests")}
        />
        <ProblemTiles counts={counts} scope={scope} selection={selection} now={now} before={earlier} />
      </div>
      <OutlookTiles counts={counts} id={id} />
      {now.status429 > 0 && <DiagnosisPart diagnosis={diagnosis} isLate={arrival === "late"} />}
      <RequestsFigure
        counts={counts}
        scope={scope}
        selection={selection}
        title="Requests by status"
        height={240}
      />
      <WhenLoaded of={endpoints} height={420}>
        {(found) => (
          <>
            {now.status429 > 0 && (
              <HeatFigure
                counts={found}
                scope={scope}
                selection={{ span: scope.span }}
                measure="429"
                what="429s"
                title="429s by endpoint"
                empty="No endpoint got a 429."
              />
            )}
            <EndpointsFigure counts={found} scope={scope} title="Its endpoints" />
          </>
        )}
      </WhenLoaded>
      {methods.value && (
        <Figure
          title="Its methods"
          basis={basisWithin(methods.value.basis, scope.span)}
          {...sqlOf(methods.value)}
        >
          <DataTable
            caption="Its methods"
            file="methods"
            rows={totalsOf(methods.value, { span: scope.span })}
            keyOf={({ value }) => String(value)}
            sortedBy="requests"
            columns={[
              { key: "name", title: "Method", value: nameOf, isText: true },
              { key: "requests", title: "Requests", value: ({ all }) => all, hasBar: true },
              { key: "429", title: "429s", value: ({ status429 }) => status429 },
              { key: "failed", title: "Other errors", value: ({ failed }) => failed },
            ]}
          />
        </Figure>
      )}
    </>
  );
}

/** What comes next, and how near it is to the limit of one token. */
function OutlookTiles({ counts, id }: { readonly counts: Counts; readonly id: string }) {
  // The forecast tries itself on the past, which takes a while.
  const outlook = useMemo(() => outlookOf(counts, id), [counts, id]);
  if (outlook === undefined) return null;
  const { next, from, to, busiest } = outlook;
  return (
    <div class="tiles">
      <Tile
        title={`Expected ${shortDay(from)} to ${shortDay(to)}`}
        value={next?.known ? Math.round(next.total) : 0}
        {...(next?.known ? {} : { text: "–" })}
        before={undefined}
        note={
          next === null
            ? "it is too new, or makes no requests at present"
            : !next.known
              ? "too little history for a forecast"
              : "reason" in next.band
                ? "too little history for a band"
                : `probably ${compact(next.band.low)} to ${compact(next.band.high)} (about ${Math.round(100 * next.band.coverage)}% sure)`
        }
      />
      {busiest && (
        <Tile
          title="Busiest day, of one token's limit"
          value={busiest.requests}
          text={`${busiest.tokenPercent < 10 ? busiest.tokenPercent.toFixed(1) : Math.round(busiest.tokenPercent)}%`}
          before={undefined}
          note={`${whole(busiest.requests)} requests on ${busiest.day}; one token can make ${whole(perDay(TOKEN_REQUESTS_PER_MINUTE))} a day by default`}
          href={linkTo("limits")}
        />
      )}
    </div>
  );
}

interface OwnFindingsProps {
  readonly report: Loaded<CheckReport>;
  readonly id: string;
  readonly isLate: boolean;
}

function OwnFindings({ report, id, isLate }: OwnFindingsProps) {
  const { value, failure, isLoading } = report;
  if (failure) return <NotHere failure={failure} isLate={isLate} />;
  const findings =
    value?.findings.filter(({ subject, dimension }) => dimension === "client" && subject?.id === id) ?? [];
  const [first] = findings;
  if (isLate && isLoading) return <FoldedWait text="Looking for findings about this client." />;
  if (isLate && first === undefined) return <FoldedNothing text="Nothing was found about this client." />;
  if (first === undefined) return null;
  const list = (
    <ul>
      {findings.map((finding) => (
        <Finding key={finding.id} finding={finding} />
      ))}
    </ul>
  );
  return (
    <section class="findings" aria-label="Findings about this client">
      {isLate ? (
        <Folded
          title={findings.length === 1 ? "1 finding" : `${findings.length} findings`}
          text={first.summary}
        >
          {list}
        </Folded>
      ) : (
        list
      )}
    </section>
  );
}

/** Which limit it hits, and what to do. */
function DiagnosisPart({
  diagnosis,
  isLate,
}: {
  readonly diagnosis: Loaded<Diagnosis>;
  readonly isLate: boolean;
}) {
  const { value, failure } = diagnosis;
  if (failure) return <NotHere failure={failure} isLate={isLate} />;
  if (value === undefined) return <FoldedWait text="Looking for the limit that this client hits." />;
  const whole = (
    <Figure title="What to do" id="diagnosis" basis={value.basis}>
      <WhenLoaded of={diagnosis}>{(shown) => <Advice diagnosis={shown} />}</WhenLoaded>
    </Figure>
  );
  if (!isLate) return whole;
  return (
    <Folded title={`What to do: ${value.advice.title}`} text={value.advice.lines[0] ?? ""}>
      {whole}
    </Folded>
  );
}

function Advice({ diagnosis }: { readonly diagnosis: Diagnosis }) {
  const { conclusion, advice, unknown, raiseRequest, offlineReason, limitedDays } = diagnosis;
  return (
    <div class="diagnosis">
      <p class="advice">{advice.title}</p>
      {advice.lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
      <h3>Why</h3>
      <ul>
        {conclusion.map((line) => (
          <li key={line}>{line}</li>
        ))}
        <li>
          429s on {whole(limitedDays.length)} {limitedDays.length === 1 ? "day" : "days"}:{" "}
          {limitedDays[0]?.day}
          {limitedDays.length > 1 && ` to ${limitedDays.at(-1)?.day}`}.
        </li>
      </ul>
      {(unknown.length > 0 || offlineReason !== null) && (
        <details>
          <summary>What this does not know</summary>
          <ul>
            {offlineReason !== null && <li>{offlineReason}</li>}
            {unknown.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
      {raiseRequest !== null && (
        <details>
          <summary>Text for a request to raise the limit</summary>
          {/* biome-ignore lint: a scrolling area needs the focus to be scrolled by keys. */}
          <pre tabIndex={0}>{raiseRequest}</pre>
          <button
            type="button"
            class="quiet"
            onClick={() => void navigator.clipboard.writeText(raiseRequest)}
          >
            Copy
          </button>
        </details>
      )}
    </div>
  );
}
