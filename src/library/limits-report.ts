import type { ClientHeadroom, WhatIf } from "../insight/headroom.ts";
import type { KnownLimit, TokenLimit } from "../insight/limits.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { JudgedRequest } from "./change-requests.ts";
import type { Unavailable } from "./organization-api.ts";

export interface LimitsReport {
  /** `organization`: read from the API. `documentation`: what Genesys documents for every organization. */
  readonly source: "organization" | "documentation";
  /** Why the organization was not asked; null if it was. */
  readonly offlineReason: string | null;
  readonly limits: readonly KnownLimit[];
  /** The newest first; null if they could not be read. */
  readonly changeRequests: readonly JudgedRequest[] | null;
  /** What the token may not read, with the permission that it needs. */
  readonly unavailable: readonly Unavailable[];
  /** The limit of one token that usage is compared with. */
  readonly tokenLimit: TokenLimit & { readonly perDay: number };
  /** The clients with the least headroom first; null if the lake could not be read. */
  readonly clients: readonly ClientHeadroom[] | null;
  /** How many more clients made requests. */
  readonly moreClients: number;
  /** Why the lake could not be read; null if it was. */
  readonly lakeProblem: string | null;
  /** What more traffic would mean; null if not asked for. */
  readonly whatIf: readonly WhatIf[] | null;
  /** Days of the period that are not in the lake. */
  readonly missing: readonly DayRange[];
  /** The rows that were read: period, service, grouping, coverage; null without the lake. */
  readonly basis: Envelope | null;
}
