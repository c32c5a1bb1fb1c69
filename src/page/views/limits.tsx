import type { LimitsReport } from "../../library/limits-report.ts";
import { linkTo } from "../address.ts";
import type { Scope } from "../data.ts";
import { nameOf, whole } from "../format.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Figure } from "../parts/figure.tsx";
import { PathText } from "../parts/path-text.tsx";
import { EmptyNote, WhenLoaded } from "../parts/states.tsx";
import { apiPath, useAnswer } from "../server.ts";

/** The limits in force, and how near each client is to that of one token. */
export function LimitsView({ scope }: { readonly scope: Scope }) {
  const { span } = scope;
  const report = useAnswer<LimitsReport>(apiPath("limits", { from: span.start, to: span.end }));
  return (
    <>
      <h1 tabIndex={-1}>Limits and headroom</h1>
      <WhenLoaded of={report} height={560}>
        {(value) => <Report report={value} />}
      </WhenLoaded>
    </>
  );
}

function Report({ report }: { readonly report: LimitsReport }) {
  const {
    clients,
    limits,
    tokenLimit,
    offlineReason,
    lakeProblem,
    changeRequests,
    unavailable,
    moreClients,
    basis,
  } = report;
  return (
    <>
      {offlineReason !== null && (
        <EmptyNote>
          <p>{offlineReason} The limits below are those that Genesys documents for every organization.</p>
        </EmptyNote>
      )}
      {lakeProblem !== null && (
        <EmptyNote>
          <p>{lakeProblem}</p>
        </EmptyNote>
      )}
      {clients !== null && (
        <Figure
          title="Headroom by client"
          basis={basis}
          note={`On its busiest day, each client's requests as a share of the ${whole(tokenLimit.perDay)} that one token can make at ${whole(tokenLimit.perMinute)} a minute. The headroom is what is left a minute, on average: peaks within a day are not known, and a client with 429s has no headroom in its peaks. A client above 100% has several tokens or a raised limit.`}
        >
          <DataTable
            caption="Headroom by client"
            file="headroom"
            rows={clients}
            keyOf={({ clientId }) => clientId}
            sortedBy="token"
            columns={[
              {
                key: "name",
                title: "Client",
                isText: true,
                value: ({ clientId, clientName }) => nameOf({ id: clientId, name: clientName }),
                show: ({ clientId, clientName }) => (
                  <a href={linkTo("client", { id: clientId })}>
                    {nameOf({ id: clientId, name: clientName })}
                  </a>
                ),
              },
              {
                key: "token",
                title: "Of one token",
                value: ({ busiest }) => busiest[0]?.tokenPct ?? 0,
                show: ({ busiest }) => `${(busiest[0]?.tokenPct ?? 0).toFixed(1)}%`,
                hasBar: true,
              },
              { key: "day", title: "Busiest day", value: ({ busiest }) => busiest[0]?.day ?? null },
              { key: "requests", title: "Requests", value: ({ busiest }) => busiest[0]?.requests ?? 0 },
              {
                key: "room",
                title: "Headroom",
                value: ({ headroomPerMinute }) => headroomPerMinute,
                show: ({ headroomPerMinute, exceedsToken }) =>
                  exceedsToken ? "none" : whole(headroomPerMinute),
              },
              { key: "429", title: "429s", value: ({ status429 }) => status429 },
            ]}
          />
          {moreClients > 0 && <p class="under">{whole(moreClients)} more clients have more headroom.</p>}
        </Figure>
      )}
      <Figure
        title="Limits"
        note={
          report.source === "organization"
            ? "Read from the organization."
            : "Documented for every organization; the values in force were not read."
        }
      >
        <DataTable
          caption="Limits"
          file="limits"
          rows={limits}
          keyOf={({ namespace, key }) => `${namespace} ${key}`}
          columns={[
            {
              key: "key",
              title: "Limit",
              isText: true,
              value: ({ namespace, key }) => `${namespace}: ${key}`,
              show: ({ key, description }) => (
                <>
                  <code>
                    <PathText path={key} />
                  </code>
                  {description && <div class="under">{description}</div>}
                </>
              ),
            },
            { key: "value", title: "In force", value: ({ value }) => value },
            { key: "default", title: "Default", value: ({ defaultValue }) => defaultValue },
            {
              key: "configurable",
              title: "Can be raised",
              isText: true,
              value: ({ configurable }) => yesNo(configurable),
            },
            {
              key: "trackable",
              title: "Is recorded",
              isText: true,
              value: ({ trackable }) => yesNo(trackable),
            },
          ]}
        />
        {unavailable.length > 0 && (
          <ul class="notes">
            {unavailable.map(({ what, reason }) => (
              <li key={what}>{reason}</li>
            ))}
          </ul>
        )}
      </Figure>
      {changeRequests !== null && changeRequests.length > 0 && (
        <Figure title="Requests to change limits">
          <DataTable
            caption="Requests to change limits"
            file="change-requests"
            rows={changeRequests}
            keyOf={(_, index) => String(index)}
            columns={[
              { key: "key", title: "Limit", isText: true, value: ({ key }) => key ?? null },
              { key: "status", title: "Status", isText: true, value: ({ status }) => status ?? null },
              { key: "requested", title: "Requested", value: ({ requestedValue }) => requestedValue ?? null },
              {
                key: "reason",
                title: "Why rejected",
                isText: true,
                value: ({ rejectMeaning, rejectReason }) => rejectMeaning ?? rejectReason ?? null,
              },
            ]}
          />
        </Figure>
      )}
    </>
  );
}

function yesNo(known: boolean | null): string {
  return known === null ? "not known" : known ? "yes" : "no";
}
