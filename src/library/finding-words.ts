import type { RuleKind } from "../insight/rules.ts";
import { figure } from "../support/count.ts";
import { shellWord } from "../support/quote.ts";
import type { Cause } from "./causes.ts";
import type { CheckFinding } from "./check-report.ts";

/** What a cause contributes: `4,810 of 9,102 requests got a 429`. */
export function causeAmount({ amount, requests }: Cause, { kind }: CheckFinding): string {
  if (kind === "rate-limited") return `${figure(amount)} of ${figure(requests)} requests got a 429`;
  if (kind === "errors") return `${figure(amount)} of ${figure(requests)} requests failed`;
  if (kind === "new-client" || kind === "token-share" || kind === "allowance")
    return `${figure(amount)} requests`;
  return `${figure(Math.abs(amount))} ${amount < 0 ? "fewer" : "more"} requests a day`;
}

/** A command to look further, and what it shows if its name does not say it. */
export interface NextStep {
  readonly command: string;
  readonly shows: string | null;
}

/**
 * Commands to look further into a finding.
 *
 * @param flags the options that name the lake, ` --lake usage-lake`.
 */
export function nextSteps(
  { dimension, subject, since, lastDay, kind, status }: CheckFinding,
  flags: string,
): NextStep[] {
  if (status === "ended" || status === "acknowledged") return [];
  const step = (command: string, shows: string | null = null): NextStep => ({ command, shows });
  if (dimension === "lake") return [step(`gc-usage sync --from ${since} --to ${lastDay}${flags}`)];
  if (kind === "allowance")
    return [step(`gc-usage ask busy-clients --from ${since} --to ${lastDay}${flags}`)];
  if (subject === null) return [step(`gc-usage ask change --to ${lastDay} --last 7d${flags}`)];
  const filter = `--${dimension === "client" ? "client" : "endpoint"} ${shellWord(subject.id)}`;
  const question = kind === "rate-limited" ? "hot-spots" : "requests-by-day";
  const asked = step(`gc-usage ask ${question} ${filter} --from ${since} --to ${lastDay}${flags}`);
  if (kind !== "rate-limited" || dimension !== "client") return [asked];
  const diagnose = `gc-usage diagnose ${shellWord(subject.id)} --to ${lastDay}${flags}`;
  return [step(diagnose, "which limit it hits, and what to do"), asked];
}

const ADVICE: Readonly<Record<RuleKind, string>> = {
  "rate-limited":
    "Let the client wait as long as the header Retry-After says, and spread its requests over time. Start with the endpoint above.",
  errors:
    "Ask its owner what changed on the first day: credentials, permissions, or ids that no longer exist.",
  "silent-client":
    "Ask its owner whether it was switched off. If not, check its credentials and its scheduler.",
  "new-client": "Find out who owns it, and whether its traffic was planned.",
  requests: "Ask its owner whether this was planned.",
  growth: "Ask its owner what it does more often, and compare that with its headroom.",
  "token-share": "Before it grows further: cache, use batch endpoints, or notifications instead of polling.",
  allowance: "Start with the clients with the largest shares.",
  "missing-data": "Fetch these days. Until then, nothing is known about them.",
};

/** What to do about a finding: one or two sentences. Null if it needs nothing. */
export function adviceOn({ kind, status }: CheckFinding): string | null {
  return kind === null || status === "ended" || status === "acknowledged" ? null : ADVICE[kind];
}
