import { Fragment } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SavedQuestion, SqlAnswer } from "../../views/api.ts";
import { change, param } from "../address.ts";
import type { Scope } from "../data.ts";
import { whole } from "../format.ts";
import { describeBasis } from "../parts/basis.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Figure, Switch } from "../parts/figure.tsx";
import { FailureNote } from "../parts/states.tsx";
import { apiPath, asFailure, type Failure, runSql, useAnswer } from "../server.ts";
import { SqlChart } from "../sql/chart.tsx";
import type { SqlEditor } from "../sql/editor.ts";
import { addToHistory, readHistory } from "../sql/history.ts";

const FIRST =
  "SELECT date, sum(requests) AS requests, sum(status429) AS status429\nFROM daily\nGROUP BY date\nORDER BY date";

interface Run {
  readonly sql: string;
  readonly answer?: SqlAnswer;
  readonly failure?: Failure;
  readonly stop?: AbortController;
}

/** A statement over the lake, which only reads, and its rows. */
export function SqlView({ scope }: { readonly scope: Scope }) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<SqlEditor | undefined>(undefined);
  const [run, setRun] = useState<Run | undefined>();
  const [shown, setShown] = useState<"table" | "chart">("table");
  const [history, setHistory] = useState(readHistory);
  const questions = useAnswer<readonly SavedQuestion[]>(apiPath("questions"));
  const isRunning = run?.stop !== undefined;

  const start = async (): Promise<void> => {
    const sql = editor.current?.text() ?? "";
    if (sql.trim() === "") return;
    run?.stop?.abort();
    const stop = new AbortController();
    setRun({ sql, stop });
    change({ sql }, "replace");
    setHistory(addToHistory(sql));
    try {
      const organization = param("organization");
      const answer = await runSql(
        { id: crypto.randomUUID(), sql, ...(organization === undefined ? {} : { organization }) },
        stop.signal,
      );
      setRun({ sql, answer });
    } catch (error) {
      if (stop.signal.aborted) setRun((current) => (current?.stop === stop ? undefined : current));
      else setRun({ sql, failure: asFailure(error) });
    }
  };
  const latest = useRef(start);
  latest.current = start;

  useEffect(() => {
    const target = place.current;
    if (target === null) return undefined;
    let isGone = false;
    // The editor is large, so only this view loads it.
    const file = "/editor.js";
    void (import(file) as Promise<typeof import("../sql/editor.ts")>).then(({ openEditor }) => {
      if (isGone) return;
      editor.current = openEditor(target, param("sql") ?? FIRST, {
        run: () => void latest.current(),
        tables: scope.lake.tables,
      });
    });
    return () => {
      isGone = true;
      editor.current?.close();
      editor.current = undefined;
    };
  }, []);
  const given = param("sql");
  useEffect(() => {
    if (given !== undefined && editor.current && editor.current.text() !== given)
      editor.current.setText(given);
  }, [given]);

  return (
    <>
      <h1 tabIndex={-1}>SQL</h1>
      <p class="under">
        One SELECT over the lake's tables <code>daily</code>, <code>usage</code> and <code>slices</code>.
        Statements only read.{" "}
        {scope.lake.isBilled && "Athena bills each statement by the bytes that it scans."}
      </p>
      <div class="row">
        <label>
          <span class="hidden">Saved questions</span>
          <select
            value=""
            onChange={(event) => {
              const found = questions.value?.find(({ name }) => name === event.currentTarget.value);
              if (found?.sql) editor.current?.setText(found.sql.trim());
              event.currentTarget.value = "";
            }}
          >
            <option value="">Questions…</option>
            {questions.value?.map(({ name, title, sql }) => (
              <option key={name} value={name} disabled={sql === null}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="hidden">History</span>
          <select
            value=""
            disabled={history.length === 0}
            onChange={(event) => {
              editor.current?.setText(history[Number(event.currentTarget.value)] ?? "");
              event.currentTarget.value = "";
            }}
          >
            <option value="">History…</option>
            {history.map((sql, index) => (
              <option key={sql} value={String(index)}>
                {sql.replaceAll(/\s+/g, " ").slice(0, 70)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <details class="schema">
        <summary>Tables and columns</summary>
        <dl>
          {Object.entries(scope.lake.tables).map(([table, columns]) => (
            <Fragment key={table}>
              <dt>
                <code>{table}</code>
              </dt>
              <dd>
                <code>{columns.join(", ")}</code>
              </dd>
            </Fragment>
          ))}
        </dl>
      </details>
      <div class="editor" ref={place} />
      <div class="row">
        <button type="button" class="primary" disabled={isRunning} onClick={() => void start()}>
          Run
        </button>
        <button type="button" disabled={!isRunning} onClick={() => run?.stop?.abort()}>
          Stop
        </button>
        <span class="under">Ctrl+Enter runs it. Tab leaves the editor after Escape.</span>
        <span class="under" role="status">
          {isRunning ? "Running…" : ""}
        </span>
      </div>
      {run?.failure && <FailureNote failure={run.failure} />}
      {run?.answer && <Answer answer={run.answer} shown={shown} onShow={setShown} />}
    </>
  );
}

interface AnswerProps {
  readonly answer: SqlAnswer;
  readonly shown: "table" | "chart";
  readonly onShow: (what: "table" | "chart") => void;
}

function Answer({ answer, shown, onShow }: AnswerProps) {
  const { columns, rows, isTruncated, limits, elapsedMs, warnings, basis, usd, bytesScanned } = answer;
  const seconds =
    elapsedMs < 10_000 ? `${(elapsedMs / 1000).toFixed(2)} s` : `${Math.round(elapsedMs / 1000)} s`;
  const cost =
    usd === null || bytesScanned === null
      ? ""
      : ` · ${whole(bytesScanned)} bytes scanned, about $${usd.toFixed(4)}`;
  return (
    <Figure
      title={`${whole(rows.length)} ${rows.length === 1 ? "row" : "rows"}`}
      note={`${seconds}${cost}`}
      tools={
        <Switch
          label="Show as"
          value={shown}
          options={[
            ["table", "Table"],
            ["chart", "Chart"],
          ]}
          onChange={onShow}
        />
      }
    >
      {isTruncated && (
        <p class="partial">
          There is more: the page shows at most {whole(limits.rows)} rows and {whole(limits.characters)}{" "}
          characters. Add a LIMIT, or use gc-usage sql.
        </p>
      )}
      {warnings.map((warning) => (
        <p key={warning} class="partial">
          {warning}
        </p>
      ))}
      {shown === "chart" ? (
        <SqlChart answer={answer} />
      ) : (
        <DataTable
          caption="Rows of the statement"
          file="rows"
          rows={rows}
          most={100}
          keyOf={(_, index) => String(index)}
          empty="The statement returned no rows."
          columns={columns.map(({ name, kind }, index) => ({
            key: String(index),
            title: name,
            isText: kind !== "integer" && kind !== "double" && kind !== "decimal",
            value: (row: SqlAnswer["rows"][number]) => {
              const cell = row[index] ?? null;
              return typeof cell === "boolean" ? String(cell) : cell;
            },
            ...(kind === "double"
              ? { show: (row: SqlAnswer["rows"][number]) => (row[index] === null ? "–" : String(row[index])) }
              : {}),
          }))}
        />
      )}
      <p class="under">{describeBasis(basis)}</p>
    </Figure>
  );
}
