import type { CheckFinding } from "../../library/check-report.ts";
import { address, linkTo, param } from "../address.ts";
import { percent, whole } from "../format.ts";
import { PathText } from "./path-text.tsx";

const KINDS: Readonly<Record<NonNullable<CheckFinding["kind"]>, string>> = {
  "rate-limited": "Rate limited",
  errors: "Errors",
  requests: "Unusual",
  growth: "Growth",
  "new-client": "New client",
  "silent-client": "Silent",
  "token-share": "Near a limit",
  allowance: "Allowance",
  "missing-data": "No data",
};

/** What hurts already; everything else may be planned. */
const SERIOUS: readonly CheckFinding["kind"][] = [
  "rate-limited",
  "errors",
  "token-share",
  "allowance",
  "missing-data",
];

function toneOf({ status, kind }: CheckFinding): string {
  if (status === "acknowledged" || status === "ended") return "calm";
  return SERIOUS.includes(kind) ? "bad" : "warn";
}

/** A finding of `check`: a sentence with its number, what it comes from, and where to look and what to do. */
export function Finding({ finding }: { readonly finding: CheckFinding }) {
  const { status, summary, causes, acknowledged, kind, limit } = finding;
  // On the view that it leads to, the link would lead nowhere.
  const next = isHere(finding) ? undefined : nextOf(finding);
  return (
    <li class={`finding ${toneOf(finding)}`}>
      <span class="mark">
        {kind === null ? "" : KINDS[kind]}
        {status === "ended" || status === "acknowledged" || status === "worse" ? (
          <small>{status}</small>
        ) : null}
      </span>
      <div>
        <p class="summary">{summary}</p>
        {causes.length > 0 && (
          <ol class="causes">
            {causes.map((cause) => (
              <li key={cause.value}>
                <span class="share">{percent(cause.share, 1)}</span>
                <span class="cause">
                  <PathText path={cause.name ?? cause.value} />
                </span>
                <span class="under">{amountText(kind, cause)}</span>
              </li>
            ))}
          </ol>
        )}
        {limit && finding.status !== "ended" && <p class="under">{limit.summary}</p>}
        {acknowledged && (
          <p class="under">
            Acknowledged until {acknowledged.until}: {acknowledged.reason}
          </p>
        )}
        <p class="next">
          {next && <a href={next.href}>{next.text}</a>}
          <span class="under">
            {finding.since === finding.lastDay ? finding.since : `${finding.since} to ${finding.lastDay}`} ·{" "}
            {finding.rules.join(", ")}
          </span>
        </p>
      </div>
    </li>
  );
}

function isHere({ dimension, subject }: CheckFinding): boolean {
  return address.value.view === "client" && dimension === "client" && param("id") === subject?.id;
}

function amountText(
  kind: CheckFinding["kind"],
  { amount, requests, status }: CheckFinding["causes"][number],
): string {
  if (kind === "rate-limited") return `${whole(amount)} 429s in ${whole(requests)} requests`;
  if (kind === "errors") {
    const server = status.status500 > amount / 2 ? "5xx" : "4xx";
    return `${whole(amount)} failures, mostly ${server}, in ${whole(requests)} requests`;
  }
  if (kind === "new-client" || kind === "token-share" || kind === "allowance")
    return `${whole(amount)} requests`;
  return `${whole(Math.abs(amount))} ${amount < 0 ? "fewer" : "more"} requests a day`;
}

/** Enough days to see what was normal before. */
function nextOf({
  kind,
  dimension,
  subject,
  causes,
}: CheckFinding): { readonly href: string; readonly text: string } | undefined {
  if (kind === "missing-data") return { href: linkTo("coverage"), text: "See which days are missing" };
  if (kind === "allowance") return { href: linkTo("fair-use"), text: "See the fair use of this month" };
  if (dimension === "client" && subject !== null) {
    const text =
      kind === "rate-limited"
        ? "See why, and what to do"
        : kind === "token-share"
          ? "See its limit"
          : "See this client";
    return { href: linkTo("client", { id: subject.id, client: undefined }), text };
  }
  if (dimension === "endpoint" && subject !== null)
    return {
      href: linkTo(kind === "rate-limited" || kind === "errors" ? "failures" : "endpoints", {
        endpoint: subject.id,
      }),
      text: "See who calls it",
    };
  const [first] = causes;
  return first === undefined
    ? { href: linkTo("failures"), text: "See all clients" }
    : {
        href: linkTo("client", { id: first.value, client: undefined }),
        text: `See ${first.name ?? first.value}`,
      };
}
