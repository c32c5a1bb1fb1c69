/**
 * `npm run bench -- scale`: what a lake costs in calls, seconds and dollars, by clients and years, as the Markdown tables of docs/scale.md.
 * It only calculates. The assumptions below are list prices and what was measured elsewhere: change them and run it again.
 */

/** List prices of us-east-1 in US dollars, assumed in November 2026. Check them: they differ by region and over time. */
const PRICES = {
  gbMonth: 0.023,
  put: 0.005 / 1000,
  list: 0.005 / 1000,
  get: 0.0004 / 1000,
  athenaByte: 5 / 1e12,
} as const;
const ATHENA_MIN_BYTES = 10e6;

/** From the sandbox's organizations of 43 to 6,152 clients: rows a day for each client, and the size of a day's slice. */
const ROWS_PER_CLIENT = 17;
const sliceBytes = (rows: number): number => 7000 + 7.8 * rows;

/** Objects in one page of a listing, and rows in one page of the jobs service. */
const LIST_PAGE = 1000;
const API_PAGE = 1000;
/** Calls of the API a minute, unless the organization has another limit. */
const API_CALLS_A_MINUTE = 300;
/** Days that a night fetches: the new one, and three that may still change. */
const NIGHT_DAYS = 4;
/** A row of the table `slices` in its Parquet file, in bytes. */
const TABLE_ROW_BYTES = 60;

/** 100 Mbit/s, with 16 downloads at a time that each take this long to begin. */
const DOWNLOAD_BYTES_A_SECOND = 12.5e6;
const GET_SECONDS = 0.05 / 16;
/** `ask busy-clients` with the slices on this machine, in seconds of one core (2 cores, 2026): its start, each slice, each row. */
const ASK = { start: 0.65, slice: 0.0022, row: 100e-9 } as const;

/** Athena: GET requests for each object, and PUT requests for its result. Trino listed this many prefixes a second. */
const ATHENA_GETS = 3;
const ATHENA_PUTS = 2;
const ATHENA_LISTS_A_SECOND = 220;

const CLIENTS = [10, 100, 1_000, 10_000];
const YEARS = [1, 3, 10];

interface Lake {
  readonly clients: number;
  readonly years: number;
  readonly rows: number;
  readonly bytes: number;
  readonly days: number;
}

const lakes = CLIENTS.flatMap((clients) =>
  YEARS.map((years): Lake => {
    const rows = clients * ROWS_PER_CLIENT;
    return { clients, years, rows, bytes: sliceBytes(rows), days: years * 365 };
  }),
);

/** Three listings and two reads, with a write for each day and one for the table `slices`. */
function night({ rows, days, bytes }: Lake) {
  const lists = 1 + 2 * Math.ceil(days / LIST_PAGE);
  const puts = NIGHT_DAYS + 1;
  const gets = 2;
  const pages = NIGHT_DAYS * Math.ceil(rows / API_PAGE);
  return {
    apiCalls: 3 + pages,
    minutes: (3 + pages) / API_CALLS_A_MINUTE,
    s3Calls: lists + puts + gets,
    bytes: 2 * days * TABLE_ROW_BYTES + NIGHT_DAYS * bytes,
    usd: lists * PRICES.list + puts * PRICES.put + gets * PRICES.get,
  };
}

/** A question over days, answered by DuckDB on a machine without a mirror of the lake, or with one. */
function laptop({ rows, bytes, days: all }: Lake, days: number) {
  const lists = 1 + Math.ceil(all / LIST_PAGE);
  const fetch = (days * bytes) / DOWNLOAD_BYTES_A_SECOND + days * GET_SECONDS;
  const ask = ASK.start + days * ASK.slice + days * rows * ASK.row;
  return {
    cold: fetch + ask,
    warm: ask,
    usd: lists * PRICES.list + (days + 3) * PRICES.get,
  };
}

/** The same, answered by Athena from this many objects, each in a partition of its own. */
function athena({ bytes }: Lake, days: number, objects = days) {
  return {
    usd:
      objects * PRICES.list +
      objects * ATHENA_GETS * PRICES.get +
      ATHENA_PUTS * PRICES.put +
      Math.max(ATHENA_MIN_BYTES, days * bytes) * PRICES.athenaByte,
    listSeconds: objects / ATHENA_LISTS_A_SECOND,
  };
}

const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const usd = (value: number): string =>
  value === 0 ? "0" : `$${value >= 0.1 ? value.toFixed(2) : value.toPrecision(2)}`;
const seconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
const size = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${count(bytes / 1e6)} MB`
      : `${count(bytes / 1e3)} kB`;

function table<T>(
  title: string,
  rows: readonly T[],
  columns: readonly (readonly [string, (row: T) => string])[],
): string {
  const lines = [
    columns.map(([name]) => name),
    columns.map(() => "--:"),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
  return `### ${title}\n\n${lines.map((line) => `| ${line.join(" | ")} |\n`).join("")}`;
}

const BY = [
  ["clients", ({ clients }: Lake) => count(clients)],
  ["years", ({ years }: Lake) => String(years)],
] as const;

/** The tables of docs/scale.md. */
export function scaleTables(): string {
  return [
    table("The lake", lakes, [
      ...BY,
      ["rows a day", ({ rows }) => count(rows)],
      ["a day's slice", ({ bytes }) => size(bytes)],
      ["slices", ({ days }) => count(days)],
      ["stored", ({ days, bytes }) => size(days * bytes)],
      ["storage a month", ({ days, bytes }) => usd(((days * bytes) / 1e9) * PRICES.gbMonth)],
    ]),
    table("A nightly sync", lakes, [
      ...BY,
      ["API calls", (lake) => count(night(lake).apiCalls)],
      ["minutes at the API's limit", (lake) => night(lake).minutes.toFixed(1)],
      ["S3 calls", (lake) => count(night(lake).s3Calls)],
      ["S3 bytes", (lake) => size(night(lake).bytes)],
      ["S3 calls a month", (lake) => usd(30 * night(lake).usd)],
    ]),
    table("A question on a laptop (DuckDB)", lakes, [
      ...BY,
      ["30 days, first time", (lake) => seconds(laptop(lake, 30).cold)],
      ["30 days, again", (lake) => seconds(laptop(lake, 30).warm)],
      ["a year, first time", (lake) => seconds(laptop(lake, 365).cold)],
      ["a year, again", (lake) => seconds(laptop(lake, 365).warm)],
      ["all, first time", (lake) => seconds(laptop(lake, lake.days).cold)],
      ["S3 calls, a year", (lake) => usd(laptop(lake, 365).usd)],
    ]),
    table("A question with Athena", lakes, [
      ...BY,
      ["30 days", (lake) => usd(athena(lake, 30).usd)],
      ["a year", (lake) => usd(athena(lake, 365).usd)],
      ["all", (lake) => usd(athena(lake, lake.days).usd)],
      ["listing a year", (lake) => seconds(athena(lake, 365).listSeconds)],
      ["listing all", (lake) => seconds(athena(lake, lake.days).listSeconds)],
    ]),
    table("With one object for each month that has settled", lakes, [
      ...BY,
      ["objects", (lake) => count(monthly(lake.days))],
      [
        "saved a year of nights",
        (lake) => usd(365 * (night(lake).usd - night({ ...lake, days: monthly(lake.days) }).usd)),
      ],
      ["saved by Athena, a year", (lake) => usd(athena(lake, 365).usd - athena(lake, 365, monthly(365)).usd)],
      [
        "saved by Athena, all",
        (lake) => usd(athena(lake, lake.days).usd - athena(lake, lake.days, monthly(lake.days)).usd),
      ],
      [
        "seconds saved, a year",
        (lake) => seconds(athena(lake, 365).listSeconds - athena(lake, 365, monthly(365)).listSeconds),
      ],
    ]),
  ].join("\n");
}

/** One object a month, and the days of the last two. */
function monthly(days: number): number {
  return Math.max(0, Math.round(days / 30.4) - 2) + 61;
}
