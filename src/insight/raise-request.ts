import { counted, figure } from "../support/count.ts";
import { nameInText } from "../support/printable.ts";
import type { Day } from "../usage/day.ts";
import { isBelowOnAverage, percent, type Traffic, worstOf } from "./advice.ts";
import type { LimitHit } from "./limit-hits.ts";
import { MINUTES_PER_DAY } from "./token-limit.ts";

/** An earlier request to change the same limit. */
export interface EarlierRequest {
  readonly dateCreated?: string | undefined;
  readonly requestedValue?: number | undefined;
  readonly status?: string | undefined;
  readonly rejectReason?: string | undefined;
}

export interface RaiseFacts {
  readonly client: { readonly id: string; readonly name: string | null };
  readonly period: { readonly from: Day; readonly to: Day };
  readonly traffic: Traffic;
  readonly earlier: readonly EarlierRequest[];
}

/** The value to ask for: the highest recorded use and a tenth more; without a record, an estimate from the share of 429s. */
export function requestedValue(hit: LimitHit, traffic: Traffic): number | undefined {
  const { limit, highest } = hit;
  if (limit === null) return undefined;
  const worst = worstOf(traffic.limited);
  const share = worst === undefined || worst.requests === 0 ? 0 : worst.status429 / worst.requests;
  const needed = highest !== null && highest > limit ? highest : limit / Math.max(0.1, 1 - share);
  const step = limit >= 1000 ? 100 : limit >= 100 ? 50 : 5;
  return Math.ceil((needed * 1.1) / step) * step;
}

/** A text for a support case. It answers each documented reason for a rejection in advance. */
export function raiseRequest({ client, period, traffic, earlier }: RaiseFacts): string {
  const { hit, limited } = traffic;
  const worst = worstOf(limited);
  if (worst === undefined) return "";
  const name = client.name === null ? client.id : `${nameInText(client.name)} (${client.id})`;
  const limit = hit === undefined ? "[name of the limit]" : `${hit.key} (${hit.namespace})`;
  const current = hit?.limit ?? undefined;
  const wanted = hit && requestedValue(hit, traffic);
  const asked = wanted === undefined ? "[value]" : figure(wanted);
  const blocks = [
    `Request to raise ${limit} from ${current === undefined ? "[value in force]" : figure(current)} to ${asked}`,
    `OAuth client: ${name}\nPeriod: ${period.from} to ${period.to}, UTC\n` +
      `Purpose: [what the client does, for whom, and what happens if its requests are late]`,
    ...earlier.map(
      ({ dateCreated, requestedValue: value, status, rejectReason }) =>
        `Earlier request of ${dateCreated?.slice(0, 10) ?? "[day]"}, to ${value === undefined ? "[value]" : figure(value)}: ` +
        `${status ?? "unknown"}${rejectReason === undefined ? "" : ` (${rejectReason})`}. Since then: [what has changed]`,
    ),
    `Why an increase is required (IncreaseNotRequired):\n${needLines(traffic).join("\n")}`,
    `Why there is no alternative (AlternativeExists):\n${alternativeLines(traffic).join("\n")}`,
    `How the client uses the API (PlatformMisuse):\n${useLines(traffic).join("\n")}`,
    `What the increase means for the platform (PlatformStability):\n${stabilityLines(traffic, wanted).join("\n")}`,
    "Anything else (OtherReason):\n- Contact: [name, phone]. We can agree on an end date or a trial, and lower the limit again.",
  ];
  return `${blocks.join("\n\n")}\n`;
}

function needLines({ limited, activeDays, hit, hours }: Traffic): string[] {
  const sum = limited.reduce((all, { status429 }) => all + status429, 0);
  return [
    `- ${figure(sum)} requests got a 429, on ${limited.length} of ${counted(activeDays, "day")} with requests:`,
    ...limited
      .toSorted((a, b) => b.status429 - a.status429)
      .slice(0, 7)
      .toSorted((a, b) => (a.day < b.day ? -1 : 1))
      .map(
        ({ day, requests, status429 }) =>
          `    ${day}  ${figure(status429)} of ${figure(requests)} requests (${percent(status429, requests)})`,
      ),
    ...(hit?.highest && hit.above
      ? [
          `- The highest recorded use was ${figure(hit.highest)}, which is ${figure(hit.above)} above the limit.`,
        ]
      : []),
    ...(hours === undefined
      ? []
      : [`- On the worst day, the limit was exceeded in ${hours.length} of 24 hours.`]),
  ];
}

function alternativeLines(traffic: Traffic): string[] {
  const { endpoints, limited } = traffic;
  const all = endpoints.reduce((sum, { requests }) => sum + requests, 0);
  const [top] = endpoints.toSorted((a, b) => b.requests - a.requests);
  const worst = worstOf(limited);
  const isTooSmall =
    top !== undefined && worst !== undefined && top.requests / all < worst.status429 / worst.requests;
  return [
    ...(top === undefined
      ? []
      : [
          `- The requests go to ${counted(endpoints.length, "endpoint")}. The busiest, ${top.method === null ? "" : `${top.method} `}${top.endpoint}, ` +
            `has ${percent(top.requests, all)} of them. ` +
            (isTooSmall ? "Saving all of these would not be enough." : "[why its answers cannot be cached]"),
        ]),
    ...(isBelowOnAverage(traffic)
      ? ["- The average of the worst day is below the limit. An even rate is not enough, because [reason]."]
      : []),
    "- Notifications: [which topics were considered, and why they do not replace these requests]",
    "- Bulk endpoints: [which ones are used, or why there are none]",
  ];
}

function useLines({ limited, endpoints, hit }: Traffic): string[] {
  const most = Math.max(...limited.map((day) => day.requests)) / MINUTES_PER_DAY;
  const hasSeveralTokens = hit?.kind === "token" && hit.limit !== null && most > hit.limit;
  const requests = limited.reduce((sum, day) => sum + day.requests, 0);
  const rejected = limited.reduce((sum, day) => sum + day.status429, 0);
  const reads = endpoints
    .filter(({ method }) => method === "GET")
    .reduce((sum, one) => sum + one.requests, 0);
  const all = endpoints.reduce((sum, one) => sum + one.requests, 0);
  return [
    `- On the days with 429s, ${percent(requests - rejected, requests)} of the requests were accepted.`,
    ...(endpoints.some(({ method }) => method !== null)
      ? [`- ${percent(reads, all)} of the requests are GET.`]
      : []),
    "- After a 429 it waits for Retry-After, then longer each time. [confirm]",
    hasSeveralTokens
      ? "- It made more requests than one token can, so it holds several: [why]"
      : "- It uses one token at a time, and does not sign in again to get around the limit. [confirm]",
  ];
}

function stabilityLines({ limited, hit }: Traffic, wanted: number | undefined): string[] {
  const worst = worstOf(limited);
  const average = (worst?.requests ?? 0) / MINUTES_PER_DAY;
  const limit = hit?.limit ?? undefined;
  return [
    ...(limit === undefined || wanted === undefined
      ? []
      : [`- It is ${figure(wanted - limit)} more than today, for one client.`]),
    `- On the worst day, the average was ${figure(average)} requests a minute` +
      (limit !== undefined && average < limit ? ": the limit is reached only at peaks." : "."),
    "- The higher value is needed at these times only: [times]",
  ];
}
