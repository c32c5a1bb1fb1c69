// Written by `npm run docs` from the headings in src/questions/sql.

/**
 * The rows of each question's answer. Figures are whole numbers, except for percentages (`…Pct`, with two decimals). Dates
 * are UTC days, `2026-11-01`. Columns for weeks and months exist only in answers by week or month. Null: not known.
 */
export interface QuestionRows {
  /** Clients by requests, with their share of all requests. */
  readonly "busy-clients": {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly requests: number | null;
    readonly sharePct: number | null;
    readonly status429: number | null;
    readonly activeDays?: number | null;
    readonly activeWeeks?: number | null;
    readonly activeMonths?: number | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Endpoints by requests, with their share of all requests. */
  readonly "busy-endpoints": {
    readonly method: string | null;
    readonly templateUri: string | null;
    readonly requests: number | null;
    readonly sharePct: number | null;
    readonly status429: number | null;
  };
  /** Users by requests made on their behalf, with their share of these requests. */
  readonly "busy-users": {
    readonly userId: string | null;
    readonly requests: number | null;
    readonly sharePct: number | null;
    readonly status429: number | null;
    readonly activeDays?: number | null;
    readonly activeWeeks?: number | null;
    readonly activeMonths?: number | null;
    readonly userName: string | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Clients by the change in requests since the previous period of the same length. */
  readonly change: {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly requestsBefore: number | null;
    readonly requests: number | null;
    readonly difference: number | null;
    readonly changePct: number | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Requests, rate-limited requests and status classes of each client, endpoint, method, user or platform over time. */
  readonly "daily-counts": {
    readonly day?: string | null;
    readonly week?: string | null;
    readonly month?: string | null;
    readonly value: string | null;
    readonly name: string | null;
    readonly requests: number | null;
    readonly status200: number | null;
    readonly status300: number | null;
    readonly status400: number | null;
    readonly status500: number | null;
    readonly status429: number | null;
  };
  /** Clients by the share of their requests that failed (HTTP 4xx and 5xx). */
  readonly "failing-clients": {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly failedPct: number | null;
    readonly status400: number | null;
    readonly status500: number | null;
    readonly status429: number | null;
    readonly requests: number | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Pairs of client and endpoint, by rate-limited requests and then by requests. */
  readonly "hot-spots": {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly method: string | null;
    readonly templateUri: string | null;
    readonly status429: number | null;
    readonly requests: number | null;
    readonly limitedPct: number | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Clients with requests in the period, but none in the previous period of the same length. */
  readonly "new-clients": {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly firstDay?: string | null;
    readonly firstWeek?: string | null;
    readonly firstMonth?: string | null;
    readonly requests: number | null;
    readonly status429: number | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Clients by requests that were rate limited (HTTP 429). */
  readonly "noisy-clients": {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly status429: number | null;
    readonly requests: number | null;
    readonly limitedPct: number | null;
    readonly limitedDays?: number | null;
    readonly limitedWeeks?: number | null;
    readonly limitedMonths?: number | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Endpoints by requests that were rate limited (HTTP 429). */
  readonly "noisy-endpoints": {
    readonly method: string | null;
    readonly templateUri: string | null;
    readonly status429: number | null;
    readonly requests: number | null;
    readonly limitedPct: number | null;
    readonly limitedDays?: number | null;
    readonly limitedWeeks?: number | null;
    readonly limitedMonths?: number | null;
  };
  /** Clients that call an endpoint, with their share of its requests. */
  readonly paths: {
    readonly templateUri: string | null;
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly requests: number | null;
    readonly sharePct: number | null;
    readonly lastDay?: string | null;
    readonly lastWeek?: string | null;
    readonly lastMonth?: string | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Requests per day, week or month, by status class. */
  readonly "requests-by-day": {
    readonly day?: string | null;
    readonly week?: string | null;
    readonly month?: string | null;
    readonly requests: number | null;
    readonly status200: number | null;
    readonly status300: number | null;
    readonly status400: number | null;
    readonly status500: number | null;
    readonly status429: number | null;
  };
  /** Clients with requests in the previous period of the same length, but none in the period. */
  readonly "silent-clients": {
    readonly clientId: string | null;
    readonly clientName: string | null;
    readonly lastDay?: string | null;
    readonly lastWeek?: string | null;
    readonly lastMonth?: string | null;
    readonly requestsBefore: number | null;
    /** If there are labels. */
    readonly owner?: string | null;
  };
  /** Requests over time by client, endpoint, method, user or platform, for those with the most requests. */
  readonly trend: {
    readonly day?: string | null;
    readonly week?: string | null;
    readonly month?: string | null;
    readonly value: string | null;
    readonly name: string | null;
    readonly requests: number | null;
    readonly sharePct: number | null;
    readonly status429: number | null;
  };
}

/** The names of the questions that ship with the program. */
export type QuestionName = keyof QuestionRows;
