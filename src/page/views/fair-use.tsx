import { useState } from "preact/hooks";
import type { FairUseReport } from "../../library/fair-use-report.ts";
import { basisWithin } from "../../views/cube.ts";
import { change, linkTo, param } from "../address.ts";
import { Band } from "../charts/band.tsx";
import { longDay, nameOf, whole } from "../format.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Figure } from "../parts/figure.tsx";
import { useWidth } from "../parts/plot.tsx";
import { EmptyNote, FailureNote, WhenLoaded } from "../parts/states.tsx";
import { Tile } from "../parts/tiles.tsx";
import { withCode } from "../parts/with-code.tsx";
import { apiPath, useAnswer } from "../server.ts";

/** Used, expected, and what it costs. */
export function FairUseView() {
  const allowance = param("allowance");
  const periodStart = param("period-start");
  const report = useAnswer<FairUseReport>(
    apiPath("fair-use", {
      ...(allowance === undefined ? {} : { allowance }),
      ...(periodStart === undefined ? {} : { periodStart }),
    }),
  );
  const { failure } = report;
  const needsAllowance = failure?.details?.needs === "allowance";
  return (
    <>
      <h1 tabIndex={-1}>Fair use</h1>
      <p class="under">Requests of the billing month against the free allowance of the contract.</p>
      <AllowanceForm
        allowance={allowance}
        periodStart={periodStart}
        isOpen={needsAllowance || allowance !== undefined}
      />
      {failure && needsAllowance && (
        <EmptyNote>
          <p>How many requests are free? Enter the number from your contract above.</p>
          <p class="hint">
            With credentials for Genesys Cloud, gc-usage reads it from the contract. {failure.message}
          </p>
        </EmptyNote>
      )}
      {failure && !needsAllowance && <FailureNote failure={failure} />}
      {!failure && (
        <WhenLoaded of={report} height={560}>
          {(value) => <Report report={value} />}
        </WhenLoaded>
      )}
    </>
  );
}

interface FormProps {
  readonly allowance: string | undefined;
  readonly periodStart: string | undefined;
  readonly isOpen: boolean;
}

/** For organizations whose contract cannot be read. */
function AllowanceForm({ allowance, periodStart, isOpen }: FormProps) {
  const [wrong, setWrong] = useState<string | undefined>();
  return (
    <details class="form" open={isOpen}>
      <summary>Allowance</summary>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const text = fieldText(data, "allowance").replaceAll(/[,\s]/g, "");
          const start = fieldText(data, "start");
          if (text !== "" && !/^[1-9]\d*$/.test(text))
            setWrong("The allowance is a number of requests, for example 12000000.");
          else {
            setWrong(undefined);
            change({
              allowance: text === "" ? undefined : text,
              "period-start": start === "" || start === "1" ? undefined : start,
            });
          }
        }}
      >
        <label>
          Free requests in a billing month
          <input
            name="allowance"
            inputMode="numeric"
            placeholder="from the contract"
            defaultValue={allowance}
          />
        </label>
        <label>
          First day of the billing month
          <input name="start" type="number" min="1" max="31" placeholder="1" defaultValue={periodStart} />
        </label>
        <button type="submit">Show</button>
        {wrong && (
          <p role="alert" class="wrong">
            {wrong}
          </p>
        )}
      </form>
    </details>
  );
}

function fieldText(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value : "";
}

function Report({ report }: { readonly report: FairUseReport }) {
  const [element, width] = useWidth();
  const {
    used,
    forecast,
    allowance,
    overageFrom,
    daysToOverage,
    period,
    through,
    coverage,
    notes,
    price,
    clients,
  } = report;
  const money = (amount: number | null | undefined) =>
    amount === null || amount === undefined || price === null
      ? undefined
      : new Intl.NumberFormat("en-US", { style: "currency", currency: price.currency }).format(amount);
  const basis = basisWithin(report.basis, { start: period.from, end: through });
  const overage = forecast?.overage ?? used.overage;
  const charge = money(overage.charge);
  return (
    <>
      <div class="tiles">
        <Tile
          title="Used"
          value={used.requests}
          before={undefined}
          text={`${Math.round(used.percent)}%`}
          note={`${whole(used.requests)} of ${whole(allowance)} through ${through}`}
        />
        {forecast && (
          <Tile
            title={`Expected by ${period.to}`}
            value={forecast.requests}
            before={undefined}
            text={`${Math.round(forecast.percent)}%`}
            note={
              forecast.band
                ? `${whole(forecast.requests)}, probably ${whole(Math.round(forecast.band.low))} to ${whole(Math.round(forecast.band.high))}`
                : `${whole(forecast.requests)}; too little history for a band`
            }
          />
        )}
        <Tile
          title="Allowance is used up"
          value={daysToOverage ?? 0}
          before={undefined}
          text={overageFrom === null ? "No" : daysToOverage === 0 ? "Yes" : longDay(overageFrom)}
          note={
            overageFrom === null
              ? "not in this period, as far as is known"
              : daysToOverage === 0
                ? `since ${overageFrom}`
                : `in ${daysToOverage} days`
          }
        />
        <Tile
          title="Expected overage"
          value={overage.requests}
          before={undefined}
          text={charge ?? whole(overage.requests)}
          note={charge ? `${whole(overage.requests)} requests` : "requests; no price is known"}
        />
      </div>
      <Figure
        title={`${longDay(period.from)} – ${longDay(period.to)}`}
        basis={basis}
        note={`${whole(coverage.counted)} of ${whole(coverage.days)} elapsed days are counted.`}
      >
        <div ref={element} style={{ height: "240px" }}>
          {width > 0 && <Band report={report} width={width} height={240} />}
        </div>
        {notes.length > 0 && (
          <ul class="notes">
            {notes.map((note) => (
              <li key={note}>{withCode(note)}</li>
            ))}
          </ul>
        )}
      </Figure>
      <Figure title="By client" basis={basis}>
        <DataTable
          caption="Share of the used requests by client"
          file="fair-use"
          rows={clients}
          keyOf={({ id }, index) => id ?? String(index)}
          sortedBy="requests"
          columns={[
            {
              key: "name",
              title: "Client",
              isText: true,
              value: nameOf,
              show: (row) =>
                row.id === null ? nameOf(row) : <a href={linkTo("client", { id: row.id })}>{nameOf(row)}</a>,
            },
            { key: "requests", title: "Requests", value: ({ requests }) => requests, hasBar: true },
            {
              key: "percent",
              title: "Of all",
              value: ({ percent }) => percent,
              show: ({ percent }) => `${percent.toFixed(1)}%`,
            },
          ]}
        />
      </Figure>
    </>
  );
}
