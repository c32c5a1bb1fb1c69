import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Envelope } from "../../usage/envelope.ts";
import { linkTo } from "../address.ts";
import { lakeFacts, useAnswer } from "../server.ts";
import { describeBasis, missingText, unsettledText } from "./basis.ts";
import { WhenLoaded } from "./states.tsx";

export interface FigureProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  /** Switches, at the right of the title. */
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
  /** The same as a table. */
  readonly table?: (() => ComponentChildren) | undefined;
  readonly sql?: string | null | undefined;
  /** Where the statement is to be had, if it is not here. */
  readonly sqlFrom?: string | undefined;
  readonly basis?: Envelope | null | undefined;
  readonly id?: string;
}

/** A picture or a table with its title, what it rests on, and the statement behind it. */
export function Figure({ title, note, tools, children, table, sql, sqlFrom, basis, id }: FigureProps) {
  const [open, setOpen] = useState<"table" | "sql" | undefined>();
  const toggle = (what: "table" | "sql") => () => setOpen(open === what ? undefined : what);
  const missing = basis && missingText(basis);
  const unsettled = basis && unsettledText(basis);
  return (
    <section class="figure" id={id}>
      <header>
        <div>
          <h2>{title}</h2>
          {note && <p class="under">{note}</p>}
        </div>
        {tools && <div class="tools">{tools}</div>}
      </header>
      {children}
      {missing && <p class="partial">{missing}</p>}
      {unsettled && <p class="unsettled-note">{unsettled}</p>}
      <footer>
        <span class="basis">{basis && describeBasis(basis)}</span>
        {table && (
          <button type="button" class="quiet" aria-expanded={open === "table"} onClick={toggle("table")}>
            Table
          </button>
        )}
        {(sql || sqlFrom) && (
          <button type="button" class="quiet" aria-expanded={open === "sql"} onClick={toggle("sql")}>
            SQL
          </button>
        )}
      </footer>
      {open === "table" && table?.()}
      {open === "sql" && (sql ? <Sql sql={sql} /> : <AskedSql from={sqlFrom} />)}
    </section>
  );
}

function AskedSql({ from }: { readonly from: string | undefined }) {
  return <WhenLoaded of={useAnswer<{ sql: string }>(from)}>{({ sql }) => <Sql sql={sql} />}</WhenLoaded>;
}

function Sql({ sql }: { readonly sql: string }) {
  return (
    <div class="sql-shown">
      {/* biome-ignore lint: a scrolling area needs the focus to be scrolled by keys. */}
      <pre tabIndex={0}>{sql.trim()}</pre>
      <div>
        <button type="button" class="quiet" onClick={() => void navigator.clipboard.writeText(sql)}>
          Copy
        </button>
        {lakeFacts.value.value?.isReadOnly !== true && (
          <a class="quiet" href={linkTo("sql", { sql: sql.trim() })}>
            Open in the SQL view
          </a>
        )}
      </div>
    </div>
  );
}

export interface SwitchProps<Name extends string> {
  readonly label: string;
  readonly options: readonly (readonly [name: Name, label: string])[];
  readonly value: Name;
  readonly onChange: (name: Name) => void;
}

/** A choice of a few, as buttons. */
export function Switch<Name extends string>({ label, options, value, onChange }: SwitchProps<Name>) {
  return (
    <div class="switch" role="group" aria-label={label}>
      {options.map(([name, text]) => (
        <button key={name} type="button" aria-pressed={name === value} onClick={() => onChange(name)}>
          {text}
        </button>
      ))}
    </div>
  );
}
