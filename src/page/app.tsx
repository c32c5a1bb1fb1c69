import { useEffect, useRef } from "preact/hooks";
import { VIEWS, type ViewName } from "../views/pages.ts";
import { seriesName } from "../views/scope.ts";
import { address, change, linkTo, param } from "./address.ts";
import { type Scope, scopeOf } from "./data.ts";
import { groupingWords } from "./format.ts";
import { FilterBar } from "./parts/filter-bar.tsx";
import { EmptyNote, FailureNote } from "./parts/states.tsx";
import { withCode } from "./parts/with-code.tsx";
import { useLake } from "./server.ts";
import { ClientView } from "./views/client.tsx";
import { CoverageView } from "./views/coverage.tsx";
import { EndpointsView } from "./views/endpoints.tsx";
import { FailuresView } from "./views/failures.tsx";
import { FairUseView } from "./views/fair-use.tsx";
import { LimitsView } from "./views/limits.tsx";
import { OverviewView } from "./views/overview.tsx";
import { SqlView } from "./views/sql.tsx";
import { UsersView } from "./views/users.tsx";

const SHOWN: Readonly<Record<ViewName, (props: { scope: Scope }) => preact.ComponentChildren>> = {
  overview: OverviewView,
  failures: FailuresView,
  endpoints: EndpointsView,
  client: ClientView,
  users: UsersView,
  "fair-use": FairUseView,
  limits: LimitsView,
  coverage: CoverageView,
  sql: SqlView,
};

/** The views without the filters of rows. */
const UNFILTERED: readonly ViewName[] = ["fair-use", "limits", "coverage", "sql"];

export function App() {
  const { view } = address.value;
  const { value: lake, failure } = useLake(param("organization"));
  const title = VIEWS.find(({ name }) => name === view)?.title ?? "";
  useEffect(() => {
    document.title = `${title} – gc-usage`;
  }, [title]);
  const shown = useRef(view);
  useEffect(() => {
    // On a narrow screen, the views are a line that scrolls.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    if (shown.current === view) return;
    shown.current = view;
    // The new view is here only now. Without this, the focus would be nowhere.
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [view]);
  const scope = lake && scopeOf(lake);
  const Shown = SHOWN[view];
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={linkTo("overview")}>
          gc-usage
        </a>
        {lake && lake.organizations.length > 0 && (
          <label class="organization">
            <span class="hidden">Organization</span>
            <select
              value={lake.organization ?? ""}
              onChange={(event) =>
                change({ organization: event.currentTarget.value, client: undefined, series: undefined })
              }
            >
              {lake.organizations.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        {lake && (
          <span class="where" title={lake.location}>
            {lake.location}
          </span>
        )}
        {scope && lake && lake.series.length > 1 && !UNFILTERED.includes(view) && (
          <label class="series">
            <span aria-hidden="true">Rows</span>
            <select
              aria-label="Rows"
              value={seriesName(scope.series)}
              onChange={(event) => change({ series: event.currentTarget.value })}
            >
              {lake.series.map((one) => (
                <option key={seriesName(one)} value={seriesName(one)}>
                  {one.service} by {one.granularity}, {groupingWords(one.grouping)}
                </option>
              ))}
            </select>
          </label>
        )}
      </header>
      <nav aria-label="Views">
        {VIEWS.filter(({ name }) => name !== "sql" || lake?.isReadOnly !== true).map(
          ({ name, title: text }) => (
            <a
              key={name}
              href={linkTo(name, { id: undefined })}
              aria-current={name === view ? "page" : undefined}
            >
              {text}
            </a>
          ),
        )}
      </nav>
      <main id="main" tabIndex={-1}>
        {failure && <FailureNote failure={failure} />}
        {!lake && !failure && <div class="loading tall" role="status" />}
        {lake && !scope && (
          <EmptyNote>
            <h1>The lake is empty</h1>
            <p>
              {withCode(
                `Fetch the usage of your organization: \`gc-usage sync${lake.flags}\`. This page shows it as soon as it is there.`,
              )}
            </p>
          </EmptyNote>
        )}
        {lake?.isReadOnly && view === "sql" && (
          <EmptyNote>
            <h1 tabIndex={-1}>No SQL on this display</h1>
            <p>This browser signed in with the link for wall displays, which cannot run SQL.</p>
          </EmptyNote>
        )}
        {scope && !(lake?.isReadOnly && view === "sql") && (
          <>
            {!UNFILTERED.includes(view) && <FilterBar scope={scope} />}
            <Shown scope={scope} />
          </>
        )}
      </main>
    </>
  );
}
