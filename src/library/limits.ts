import { type ClientHeadroom, headroomOf, parseGrowth, whatIf } from "../insight/headroom.ts";
import { DOCUMENTED_LIMITS, tokenLimitOf } from "../insight/limits.ts";
import { type DailyCounts, dailyCountsIn } from "../insight/subjects.ts";
import { perDay } from "../insight/token-limit.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import type { Envelope } from "../usage/envelope.ts";
import { hasStart, type WindowFlags } from "../usage/window.ts";
import type { AskOptions } from "./answers.ts";
import type { Asker } from "./asker.ts";
import type { LakeContext } from "./context.ts";
import { missingInPeriod } from "./known-days.ts";
import type { LimitsReport } from "./limits-report.ts";
import {
  connectIfPossible,
  disconnect,
  type OfflineOptions,
  organizationLimits,
  orOffline,
} from "./organization-api.ts";

/** The period is like that of `ask`: by default the last 30 days, as far as the lake has them. */
export interface LimitsOptions
  extends WindowFlags,
    OfflineOptions,
    Pick<AskOptions, "service" | "groupBy" | "labels"> {
  /** Ids, names or unambiguous parts of names. Default: all clients. */
  readonly client?: string | readonly string[] | undefined;
  /** How many clients to return, those with the least headroom. Default: 10. */
  readonly top?: number | undefined;
  /** More traffic: `+200/min` or `+20%`. */
  readonly whatIf?: string | undefined;
}

const TOP = 10;

export async function limitsOf(
  usage: Asker,
  context: LakeContext,
  options: LimitsOptions,
): Promise<LimitsReport> {
  return await orOffline(() => reportOf(usage, context, options));
}

async function reportOf(usage: Asker, context: LakeContext, options: LimitsOptions): Promise<LimitsReport> {
  const growth = options.whatIf === undefined ? undefined : parseGrowth(options.whatIf, "--what-if");
  const used = await clientsIn(usage, options);
  const connected = await connectIfPossible(context, options);
  const { client } = connected;
  try {
    const { limits, changeRequests, unavailable } = await organizationLimits(client, options.signal);
    const tokenLimit = tokenLimitOf(limits);
    const all = "rows" in used ? headroomOf(used.rows, tokenLimit.perMinute) : null;
    const clients = all?.slice(0, options.top ?? TOP) ?? null;
    // A limit per minute of its own also has room for a client that does not exist yet.
    const isNew = options.client === undefined && growth?.unit === "per-minute";
    const asked: (ClientHeadroom | undefined)[] = [...(isNew ? [undefined] : []), ...(clients ?? [])];
    return {
      source: limits === DOCUMENTED_LIMITS ? "documentation" : "organization",
      offlineReason: connected.client === undefined ? connected.reason : null,
      limits,
      changeRequests,
      unavailable,
      tokenLimit: { ...tokenLimit, perDay: perDay(tokenLimit.perMinute) },
      clients,
      moreClients: (all?.length ?? 0) - (clients?.length ?? 0),
      lakeProblem: "problem" in used ? used.problem : null,
      whatIf: growth ? asked.map((one) => whatIf(one, growth, tokenLimit.perMinute)) : null,
      missing: "rows" in used ? missingInPeriod(used.basis, options, ["requests", "status429"]) : [],
      basis: "rows" in used ? used.basis : null,
    };
  } finally {
    await disconnect(context, connected);
  }
}

type Used =
  | { readonly rows: readonly DailyCounts[]; readonly basis: Envelope }
  | { readonly problem: string };

/** The rows of the period. Without a lake, the limits are still worth showing, unless a client's usage was asked for. */
async function clientsIn(usage: Asker, options: LimitsOptions): Promise<Used> {
  const { offline: _offline, whatIf: _growth, top: _top, onProgress: _progress, ...asked } = options;
  try {
    const answer = await usage.ask("daily-counts", {
      ...asked,
      allowPartial: hasStart(options),
      neededFor: "gc-usage limits",
    });
    if (answer.basis.series?.some(({ organization }) => organization !== undefined)) throw severalLakes();
    return { rows: dailyCountsIn(answer), basis: answer.basis };
  } catch (error) {
    if (!isGcUsageError(error) || error.kind !== "lake" || options.client !== undefined) throw error;
    return { problem: error.hint === undefined ? error.message : `${error.message} ${error.hint}` };
  }
}

/** The credentials belong to one organization. */
export function severalLakes(): GcUsageError {
  return new GcUsageError("input", "The lake is a folder of several organizations' lakes.", {
    hint: "Set --lake to one of them. To list them: gc-usage status",
  });
}
