import { useId, useState } from "preact/hooks";
import { CLASS_NAMES, STATUS_CLASSES, type StatusClass } from "../../views/cube.ts";
import { DEFAULT_PERIOD, PERIODS } from "../../views/scope.ts";
import { change, dayParam, filters, param } from "../address.ts";
import { hasLocalLabels, type Scope, useCounts } from "../data.ts";
import { localHours, longDay, nameOf } from "../format.ts";

/** The period and the filters, which are in the address. */
export function FilterBar({ scope }: { readonly scope: Scope }) {
  const { span, series } = scope;
  const isCustom = dayParam("from") !== undefined && dayParam("to") !== undefined;
  const [isChoosing, setChoosing] = useState(false);
  const names = useNames(scope);
  const { client, endpoint, method, status } = filters.value;
  const hasFilters = client.length + endpoint.length + method.length + status.length > 0;
  return (
    <div class="filters">
      <div class="row">
        <label>
          <span class="hidden">Period</span>
          <select
            value={isCustom ? "custom" : (param("period") ?? DEFAULT_PERIOD)}
            onChange={(event) => {
              const { value } = event.currentTarget;
              if (value === "custom") change({ period: undefined, from: span.start, to: span.end });
              else
                change({
                  period: value === DEFAULT_PERIOD ? undefined : value,
                  from: undefined,
                  to: undefined,
                });
            }}
          >
            {PERIODS.map(({ name, label }) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
            <option value="custom">Other days…</option>
          </select>
        </label>
        {isCustom ? (
          <span class="dates">
            <DayInput label="First day" name="from" value={span.start} most={span.end} />
            <span aria-hidden="true">–</span>
            <DayInput label="Last day" name="to" value={span.end} least={span.start} />
          </span>
        ) : (
          <span class="dates-text">
            {longDay(span.start)} – {longDay(span.end)}
          </span>
        )}
        <label
          class="check"
          title="The service counts by UTC day. This only adds when such a day begins and ends on this machine's clock. The counts stay the same."
        >
          <input
            type="checkbox"
            checked={hasLocalLabels()}
            onChange={(event) => change({ labels: event.currentTarget.checked ? "local" : undefined })}
          />
          Local time
        </label>
        <button
          type="button"
          class="quiet"
          aria-expanded={isChoosing}
          onClick={() => setChoosing(!isChoosing)}
        >
          Filter
        </button>
      </div>
      {hasLocalLabels() && (
        <p class="under">
          Days stay UTC days, because the service counts by them. On this machine's clock, {span.end} is{" "}
          {localHours(span.end)}.
        </p>
      )}
      {isChoosing && (
        <div class="row choose">
          <Choice
            label="Client"
            options={names.clients}
            onChoose={(id) => change({ client: [...client, id] })}
          />
          <Choice
            label="Endpoint"
            options={names.endpoints}
            onChoose={(id) => change({ endpoint: [...endpoint, id] })}
          />
          {series.dimensions.includes("method") && (
            <Choice
              label="Method"
              options={["GET", "POST", "PUT", "PATCH", "DELETE"].map((name) => ({ id: name, name }))}
              onChoose={(id) => change({ method: [...method, id] })}
            />
          )}
          <fieldset>
            <legend>Status</legend>
            {STATUS_CLASSES.map((name) => (
              <label key={name} class="check">
                <input
                  type="checkbox"
                  checked={status.includes(name)}
                  onChange={(event) =>
                    change({
                      status: event.currentTarget.checked
                        ? [...status, name]
                        : status.filter((other) => other !== name),
                    })
                  }
                />
                {CLASS_NAMES[name]}
              </label>
            ))}
          </fieldset>
        </div>
      )}
      {hasFilters && (
        <div class="row chips" aria-label="Filters" role="group">
          {client.map((id) => (
            <Chip
              key={id}
              what="Client"
              text={names.clients.find((known) => known.id === id)?.name ?? id}
              onRemove={() => change({ client: client.filter((other) => other !== id) })}
            />
          ))}
          {endpoint.map((id) => (
            <Chip
              key={id}
              what="Endpoint"
              text={id}
              onRemove={() => change({ endpoint: endpoint.filter((other) => other !== id) })}
            />
          ))}
          {method.map((id) => (
            <Chip
              key={id}
              what="Method"
              text={id}
              onRemove={() => change({ method: method.filter((other) => other !== id) })}
            />
          ))}
          {status.map((name: StatusClass) => (
            <Chip
              key={name}
              what="Status"
              text={CLASS_NAMES[name]}
              onRemove={() => change({ status: status.filter((other) => other !== name) })}
            />
          ))}
          <button
            type="button"
            class="quiet"
            onClick={() =>
              change({ client: undefined, endpoint: undefined, method: undefined, status: undefined })
            }
          >
            Clear all
          </button>
        </div>
      )}
    </div>
  );
}

interface Option {
  readonly id: string;
  readonly name: string;
}

function useNames(scope: Scope): {
  readonly clients: readonly Option[];
  readonly endpoints: readonly Option[];
} {
  const { dimensions } = scope.series;
  const clients = useCounts(scope, "client", { isOff: !dimensions.includes("client") });
  const endpoints = useCounts(scope, "endpoint", { isOff: !dimensions.includes("uri") });
  const options = (values: readonly { id: string | null; name: string | null }[] = []): Option[] =>
    values.flatMap((value) => (value.id === null ? [] : { id: value.id, name: nameOf(value) }));
  return { clients: options(clients.value?.values), endpoints: options(endpoints.value?.values) };
}

interface DayInputProps {
  readonly label: string;
  readonly name: "from" | "to";
  readonly value: string;
  readonly least?: string;
  readonly most?: string;
}

function DayInput({ label, name, value, least, most }: DayInputProps) {
  return (
    <input
      type="date"
      aria-label={`${label} (UTC)`}
      value={value}
      {...(least === undefined ? {} : { min: least })}
      {...(most === undefined ? {} : { max: most })}
      onChange={(event) => {
        if (event.currentTarget.validity.valid && event.currentTarget.value !== "")
          change({ [name]: event.currentTarget.value });
      }}
    />
  );
}

/** A text field with suggestions. */
function Choice({
  label,
  options,
  onChoose,
}: {
  readonly label: string;
  readonly options: readonly Option[];
  readonly onChoose: (id: string) => void;
}) {
  const list = useId();
  const choose = (input: HTMLInputElement) => {
    const found = options.find(({ id, name }) => name === input.value || id === input.value);
    if (found === undefined) return;
    onChoose(found.id);
    input.value = "";
  };
  return (
    <label>
      {label}
      <input
        list={list}
        placeholder={options.length === 0 ? "Not in these rows" : "Any"}
        disabled={options.length === 0}
        onChange={(event) => choose(event.currentTarget)}
      />
      <datalist id={list}>
        {options.map(({ id, name }) => (
          <option key={id} value={name} />
        ))}
      </datalist>
    </label>
  );
}

function Chip({
  what,
  text,
  onRemove,
}: {
  readonly what: string;
  readonly text: string;
  readonly onRemove: () => void;
}) {
  return (
    <button type="button" class="chip" onClick={onRemove} aria-label={`Remove the filter ${what}: ${text}`}>
      <span>{what}</span> {text} <span aria-hidden="true">×</span>
    </button>
  );
}
