import type { ComponentChildren } from "preact";
import { Tile } from "../page/parts/tiles.tsx";
import { withCode } from "../page/parts/with-code.tsx";
import { counted } from "../support/count.ts";
import { axisOf, knownPointsOf } from "../views/cube.ts";
import { clientsTable, fairUseTable, headroomTable, shownTable, statementsOf } from "./cells.ts";
import { FairUsePicture, LimitedPicture, RequestsPicture } from "./pictures.tsx";
import type { Report, Total } from "./report.ts";
import { Table } from "./table.tsx";
import {
  basisOf,
  type FindingText,
  fairUseNotes,
  findingsNote,
  findingTexts,
  headlineOf,
  headroomNotes,
  tableNamed,
  titleOf,
} from "./words.ts";

/** How many rows a table shows. */
const MOST_ROWS = 5;
/** Findings beyond these are one line each, so that the report fits two pages. */
const MOST_FINDINGS = 5;

/** The report on one lake. */
export function ReportPart({ report, id }: { readonly report: Report; readonly id: string }) {
  return (
    <main class="report" id={id}>
      <header>
        <h1>{titleOf(report)}</h1>
        <Gaps report={report} />
        <p class="headline">{headlineOf(report)}</p>
        <p class="under">{[...basisOf(report), ...report.notes].join(" ")}</p>
      </header>
      <Tiles report={report} />
      <Findings report={report} />
      <RequestsPicture report={report} />
      <Question report={report} name="busy-clients" />
      <LimitedPicture report={report} />
      <Question report={report} name="hot-spots" />
      <div class="columns">
        <Question report={report} name="busy-endpoints" />
        <Question report={report} name="failing-clients" />
        <Question report={report} name="new-clients" />
        <Question report={report} name="silent-clients" />
        <Section title="Headroom" notes={headroomNotes(report.limits)}>
          <Table label="Headroom" table={headroomTable(report.limits, MOST_ROWS)} />
        </Section>
        <FairUse report={report} />
      </div>
      <Statements report={report} />
    </main>
  );
}

/** What is missing, before anything else. */
function Gaps({ report: { gaps, sync } }: { readonly report: Report }) {
  if (gaps.length === 0) return null;
  return (
    <div class="note failure">
      {gaps.map((gap) => (
        <p key={gap}>
          <b>{gap}</b>
        </p>
      ))}
      {sync !== null && (
        <p>
          To fetch what is missing: <code>{sync}</code>
        </p>
      )}
    </div>
  );
}

function Tiles({ report }: { readonly report: Report }) {
  const { counts, period, totals } = report;
  const span = { start: period.from, end: period.to };
  const axis = axisOf(counts, span);
  const measures = {
    requests: "requests",
    rateLimited: "429",
    failed: "failed",
    clients: undefined,
  } as const;
  const isBad = (name: Total["name"]): boolean => name === "rateLimited" || name === "failed";
  return (
    <div class="tiles">
      {totals.map((total) => {
        const measure = measures[total.name];
        const points =
          measure && axis.dates.length > 1 ? knownPointsOf(counts, axis, { span }, measure) : undefined;
        return (
          <Tile
            key={total.name}
            title={TILES[total.name]}
            value={total.value}
            before={total.before ?? undefined}
            isBad={isBad(total.name)}
            {...(points ? { points } : {})}
          />
        );
      })}
    </div>
  );
}

const TILES: Readonly<Record<Total["name"], string>> = {
  requests: "Requests",
  rateLimited: "Rate limited",
  failed: "Failed",
  clients: "Clients",
};

function Findings({ report }: { readonly report: Report }) {
  const note = findingsNote(report);
  const all = findingTexts(report);
  const others = all.slice(MOST_FINDINGS);
  return (
    <section class="findings">
      <h2>Findings</h2>
      {note !== null && <p class="under">{note}</p>}
      {all.length > 0 && (
        <ul>
          {all.slice(0, MOST_FINDINGS).map((finding, at) => (
            <Finding key={at} finding={finding} />
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <details>
          <summary>{counted(others.length, "more finding")}</summary>
          <ul>
            {others.map((finding, at) => (
              <Finding key={at} finding={finding} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Finding({ finding }: { readonly finding: FindingText }) {
  const { state, tone, summary, earlier, causes, advice, commands } = finding;
  const [command] = commands;
  return (
    <li class={`finding ${tone}`}>
      <span class="mark">{state}</span>
      <div>
        <p class="summary">{summary}</p>
        {causes.length > 0 && (
          <ol class="causes">
            {causes.map(({ share, what, amount }) => (
              <li key={what}>
                <span class="share">{share}</span>
                <span class="cause">{what}</span>
                <span class="under">{amount}</span>
              </li>
            ))}
          </ol>
        )}
        {earlier !== null && <p class="under">{earlier}</p>}
        {advice.length > 0 && <p class="advice-text">{withCode(advice.join(" "))}</p>}
        {command !== undefined && (
          <p class="command">
            <code>{command}</code>
          </p>
        )}
      </div>
    </li>
  );
}

interface SectionProps {
  readonly title: string;
  /** Left out on paper. */
  readonly description?: string;
  readonly notes?: readonly string[];
  readonly children?: ComponentChildren;
}

function Section({ title, description, notes = [], children }: SectionProps) {
  return (
    <section class="figure">
      <header>
        <div>
          <h2>{title}</h2>
          {description !== undefined && <p class="under description">{description}</p>}
          {notes.length > 0 && <p class="under">{withCode(notes.join(" "))}</p>}
        </div>
      </header>
      {children}
    </section>
  );
}

/** The answer to one of the questions. */
function Question({ report, name }: { readonly report: Report; readonly name: string }) {
  const table = tableNamed(report, name);
  if (table === undefined) return null;
  const { title, description, note } = table;
  const shown =
    name === "busy-clients" ? clientsTable(report, table, MOST_ROWS) : shownTable(table, MOST_ROWS);
  return (
    <Section title={title} description={description} notes={note === null ? [] : [note]}>
      <Table label={title} table={shown} />
    </Section>
  );
}

function FairUse({ report: { fairUse, noFairUse } }: { readonly report: Report }) {
  if (fairUse === null) return <Section title="Fair use" notes={noFairUse === null ? [] : [noFairUse]} />;
  return (
    <Section title="Fair use" notes={fairUseNotes(fairUse)}>
      <FairUsePicture report={fairUse} />
      <Table label="Fair use" table={fairUseTable(fairUse)} />
    </Section>
  );
}

function Statements({ report }: { readonly report: Report }) {
  return (
    <section class="statements">
      <h2>SQL</h2>
      <p class="under">
        Run a statement with <code>gc-usage sql</code> to get its rows.
      </p>
      {statementsOf(report).map(({ title, sql }, at) => (
        <details key={at} class="sql-shown">
          <summary>{title}</summary>
          <pre tabIndex={0}>{sql}</pre>
        </details>
      ))}
    </section>
  );
}
