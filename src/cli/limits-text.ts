import type {
  ClientHeadroom,
  Column,
  JudgedRequest,
  KnownLimit,
  LimitsReport,
  SqlValue,
  Unavailable,
  Verdict,
  WhatIf,
} from "../index.ts";
import { counted, figure } from "../support/count.ts";
import { nameInText } from "../support/printable.ts";
import { onOut } from "./colors.ts";
import { tableText } from "./table.ts";

/** A report for people. @param width of the terminal; Infinity to shorten nothing. */
export async function limitsText(
  report: LimitsReport,
  { width }: { readonly width: number },
): Promise<string> {
  const { source, limits, changeRequests, clients, whatIf } = report;
  const heading =
    source === "organization"
      ? "Limits of the organization"
      : "Limits that Genesys documents for every organization. Yours may differ";
  const parts = [
    `${onOut.bold(heading)}\n${limitLines(limits)}${source === "organization" ? LEGEND : ""}`,
    ...(changeRequests === null || changeRequests.length === 0
      ? []
      : [`${onOut.bold("Requests to change limits")}\n${changeRequests.map(requestLines).join("")}`]),
    ...(clients === null ? [] : [await usageText(report, clients, width)]),
    ...(whatIf === null ? [] : [await whatIfText(whatIf, width)]),
  ];
  return parts.join("\n");
}

interface Shown<Row> {
  readonly name: string;
  readonly kind?: Column["kind"];
  readonly value: (row: Row) => SqlValue;
}

async function table<Row>(
  columns: readonly Shown<Row>[],
  rows: readonly Row[],
  width: number,
): Promise<string> {
  const shown = columns.map(({ name, kind = "text" }) => ({ name, kind, type: "" }));
  const batch = rows.map((row) => columns.map(({ value }) => value(row)));
  let text = "";
  for await (const piece of tableText(shown, [batch], { width, colors: onOut.isColorSupported }))
    text += piece;
  return text;
}

/** By namespace. Names are long, so the description is on a line of its own. */
function limitLines(limits: readonly KnownLimit[]): string {
  const width = Math.max(...limits.map(({ key }) => key.length));
  let namespace = "";
  const lines = limits.flatMap((limit) => {
    const isNew = limit.namespace !== namespace;
    namespace = limit.namespace;
    const shown = limit.value ?? limit.defaultValue;
    const value = (shown === null ? "-" : figure(shown)).padStart(7);
    const details = [limit.description, flagsOf(limit)].filter((text) => text !== null && text !== "");
    return [
      ...(isNew ? [namespace] : []),
      `  ${limit.key.padEnd(width)}  ${value}  ${defaultText(limit)}`.trimEnd(),
      ...(details.length === 0 ? [] : [onOut.dim(`      ${details.join("; ")}`)]),
    ];
  });
  return lines.map((line) => `${line}\n`).join("");
}

function defaultText({ value, defaultValue }: KnownLimit): string {
  if (defaultValue === null) return "";
  return value === null || value === defaultValue ? "default" : `default ${figure(defaultValue)}`;
}

function flagsOf({ configurable, trackable }: KnownLimit): string {
  const words = [
    configurable === null ? "" : configurable ? "raisable" : "not raisable",
    trackable === null ? "" : trackable ? "recorded" : "not recorded",
  ];
  return words.filter((word) => word !== "").join(", ");
}

function requestLines(request: JudgedRequest): string {
  const { dateCreated, namespace, key, currentValue, requestedValue } = request;
  const of = (value: number | undefined): string => (value === undefined ? "?" : figure(value));
  const limit = [namespace, key].filter(Boolean).join(" ");
  return `${dateCreated?.slice(0, 10) ?? "-".padEnd(10)}  ${limit}, ${of(currentValue)} to ${of(requestedValue)}\n            ${outcomeOf(request)}\n`;
}

/** `Rejected (AlternativeExists): there is another way that needs fewer requests`. */
export function outcomeOf({ status, rejectReason, rejectMeaning }: JudgedRequest): string {
  const reason = rejectReason === undefined ? "" : ` (${rejectReason})`;
  return `${status ?? "unknown"}${reason}${rejectMeaning === null ? "" : `: ${rejectMeaning}`}`;
}

const USAGE_COLUMNS: readonly Shown<ClientHeadroom>[] = [
  { name: "client", value: nameOf },
  {
    name: "busiest_days",
    value: ({ busiest }) =>
      busiest
        .slice(0, 2)
        .map(({ day }) => day.slice(5))
        .join(" "),
  },
  { name: "requests", kind: "integer", value: ({ busiest: [top] }) => top?.requests ?? null },
  { name: "a_minute", kind: "double", value: ({ busiest: [top] }) => oneDecimal(top?.perMinute) },
  { name: "token_pct", kind: "double", value: ({ busiest: [top] }) => oneDecimal(top?.tokenPct) },
  { name: "headroom", kind: "double", value: ({ headroomPerMinute }) => oneDecimal(headroomPerMinute) },
  { name: "429s", kind: "integer", value: ({ status429 }) => status429 },
];

async function usageText(
  { tokenLimit, basis, moreClients }: LimitsReport,
  clients: readonly ClientHeadroom[],
  width: number,
): Promise<string> {
  const { perMinute, perDay, source } = tokenLimit;
  const period = basis?.period ? `${basis.period.from} to ${basis.period.to}` : "the period";
  const data = basis?.service ? ` (${basis.service}, ${basis.grouping})` : "";
  const heading = `Clients by their busiest days, ${period}${data}`;
  if (clients.length === 0) return `${onOut.bold(heading)}\nNo client made requests.\n`;
  const more = moreClients === 0 ? "" : `${counted(moreClients, "more client")}: set --top.\n`;
  return [
    `${onOut.bold(heading)}\n`,
    `One token may make ${figure(perMinute)} requests a minute (${source}), so ${figure(perDay)} a day.\n`,
    "Figures are those of the busiest day. a_minute and headroom are averages of the whole day; 429s are of the period.\n\n",
    await table(USAGE_COLUMNS, clients, width),
    more,
    ...clients.filter(({ exceedsToken }) => exceedsToken).map((client) => severalTokens(client, perDay)),
  ].join("");
}

/** For a client that one token cannot explain. */
function severalTokens({ clientId, clientName, busiest: [top] }: ClientHeadroom, perDay: number): string {
  return (
    `${nameInText(clientName ?? clientId)} made ${figure(top?.requests ?? 0)} requests on ${top?.day}, more than the ${figure(perDay)} of one token. ` +
    "It holds several tokens, for example one for each user, or its limit was raised.\n"
  );
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  fits: "It fits, with room for the peaks of an ordinary working day.",
  tight: "It fits only if the traffic is even: an ordinary working day has peaks of 3 times the average.",
  "already-limited": "It fits on average, but this client gets 429s today. More traffic means more of them.",
  exceeds: "It does not fit: even the day's average is above the limit.",
};

const COLORS: Readonly<Record<Verdict, (text: string) => string>> = {
  fits: onOut.green,
  tight: onOut.yellow,
  "already-limited": onOut.yellow,
  exceeds: onOut.red,
};

/** Few results as sentences with the arithmetic, more as a table. */
async function whatIfText(results: readonly WhatIf[], width: number): Promise<string> {
  if (results.length === 0) return "";
  if (results.length <= 2) return results.map(arithmeticOf).join("\n") + CAVEAT;
  const verdicts = [...new Set(results.map(({ verdict }) => verdict))];
  const legend = verdicts.map((verdict) => `${COLORS[verdict](verdict)}: ${VERDICTS[verdict]}\n`);
  const limit = figure(results[0]?.limit ?? 0);
  return (
    `${onOut.bold(`What if each client made that much more, at ${limit} requests a minute for one token`)}\n` +
    `${await table(WHAT_IF_COLUMNS, results, width)}\n${legend.join("")}` +
    `most_peak: how many times its average a client's busiest minute may have before it reaches the limit.\n${CAVEAT}`
  );
}

const NEW_CLIENT = "A new client with a token of its own";

const WHAT_IF_COLUMNS: readonly Shown<WhatIf>[] = [
  { name: "client", value: ({ clientId, clientName }) => clientName ?? clientId ?? NEW_CLIENT },
  { name: "busiest_day", value: ({ busiestDay }) => busiestDay },
  { name: "now", kind: "double", value: ({ before }) => oneDecimal(before) },
  { name: "then", kind: "double", value: ({ after }) => oneDecimal(after) },
  { name: "of_limit_pct", kind: "integer", value: ({ after, limit }) => Math.round((100 * after) / limit) },
  {
    name: "most_peak",
    kind: "double",
    value: ({ mostPeak }) => (mostPeak === null ? null : oneDecimal(mostPeak)),
  },
  { name: "verdict", value: ({ verdict }) => verdict },
];

function arithmeticOf(result: WhatIf): string {
  const { clientId, clientName, busiestDay, before, after, limit, status429, mostPeak, verdict } = result;
  const sum = `${oneDecimal(before)} + ${oneDecimal(after - before)} = ${oneDecimal(after)}`;
  const lines =
    clientId === null
      ? [`${oneDecimal(after)} of ${figure(limit)} a minute, ${percent(after, limit)}.`]
      : [
          `Its busiest day was ${busiestDay}, with ${oneDecimal(before)} requests a minute on average.`,
          `${sum} of ${figure(limit)} a minute, ${percent(after, limit)}.`,
          ...(status429 > 0 ? [`It got ${counted(status429, "429")} in the period.`] : []),
          ...(verdict === "exceeds" || mostPeak === null
            ? []
            : [
                `Its busiest minute may have ${oneDecimal(mostPeak)} times the average before it reaches the limit.`,
              ]),
        ];
  const shown = [...lines, COLORS[verdict](VERDICTS[verdict])].map((line) => `  ${line}\n`).join("");
  return `${onOut.bold(`What if: ${nameInText(clientName ?? clientId ?? NEW_CLIENT)}`)}\n${shown}`;
}

const LEGEND =
  "raisable: Genesys can raise it. recorded: `gc-usage diagnose CLIENT` can show when it was reached.\n";

const CAVEAT = `
An average over a day hides its peaks: the data has days, not minutes. Added requests a minute count as even.
All requests of 8 of 24 hours make 3 times the average.
`;

/** `Could not read … Grant limits:organization:view.` */
export function unavailableText({ what, reason, permissions }: Unavailable): string {
  return permissions.length === 0
    ? `Not read: ${what}. ${reason}`
    : `Not read: ${what}. The OAuth client needs the permission ${permissions.join(" or ")}.`;
}

function nameOf({ clientId, clientName }: ClientHeadroom): string {
  return nameInText(clientName ?? clientId);
}

function oneDecimal(value: number | undefined): number {
  return Math.round((value ?? 0) * 10) / 10;
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)}%`;
}
