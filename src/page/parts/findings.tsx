import type { CheckFinding, CheckReport } from "../../library/check-report.ts";
import { rangesText } from "./basis.ts";
import { Finding } from "./finding.tsx";
import { Folded } from "./late.tsx";
import { withCode } from "./with-code.tsx";

const OPEN: readonly CheckFinding["status"][] = ["new", "worse", "open"];

const MOST_OPEN = 6;
const MOST_PAST = 3;

/** The most serious kinds first. */
const SERIOUS: readonly (CheckFinding["kind"] | null)[] = [
  "rate-limited",
  "token-share",
  "allowance",
  "errors",
];

export interface FindingsProps {
  readonly report: CheckReport;
  /** The options of commands for this lake. */
  readonly flags: string;
  /** The first day of what has ended. */
  readonly since: string;
  /** What is below is already there and must not move. */
  readonly isLate: boolean;
}

/** What needs attention, then what has ended. */
export function Findings({ report, flags, since, isLate }: FindingsProps) {
  const open = report.findings.filter(({ status }) => OPEN.includes(status));
  const past = sortedPast(report.findings.filter(({ status }) => !OPEN.includes(status)));
  const { missing, checkedThrough } = report;
  const title = titleOf(open.length, missing.length > 0);
  const unknown =
    missing.length === 0
      ? undefined
      : `The lake has no data for ${rangesText(missing)}, so nothing is known about these days. Run \`gc-usage sync${flags}\`.`;
  const whole = (
    <>
      <h2>
        {title}
        <span class="under"> checked through {checkedThrough}</span>
      </h2>
      {unknown && <p class="note warn">{withCode(unknown)}</p>}
      <List findings={open} most={MOST_OPEN} />
      {past.length > 0 && (
        <h2 class="past">
          Ended or acknowledged
          <span class="under"> since {since}</span>
        </h2>
      )}
      <List findings={past} most={MOST_PAST} />
    </>
  );
  if (!isLate) return whole;
  const [first = past[0]] = open;
  return (
    <Folded title={title} text={first?.summary ?? unknown ?? `Checked through ${checkedThrough}.`}>
      {whole}
    </Folded>
  );
}

function titleOf(open: number, hasMissing: boolean): string {
  if (open > 0) return open === 1 ? "1 thing needs attention" : `${open} things need attention`;
  return hasMissing ? "Nothing is certain" : "Nothing needs attention";
}

function sortedPast(findings: readonly CheckFinding[]): readonly CheckFinding[] {
  const rank = ({ kind }: CheckFinding) => (SERIOUS.includes(kind) ? SERIOUS.indexOf(kind) : SERIOUS.length);
  return findings.toSorted((a, b) => rank(a) - rank(b) || (a.lastDay > b.lastDay ? -1 : 1));
}

function List({ findings, most }: { readonly findings: readonly CheckFinding[]; readonly most: number }) {
  const items = findings.map((finding) => <Finding key={finding.id} finding={finding} />);
  if (items.length === 0) return null;
  return (
    <>
      <ul>{items.slice(0, most)}</ul>
      {items.length > most && (
        <details>
          <summary>{items.length - most} more</summary>
          <ul>{items.slice(most)}</ul>
        </details>
      )}
    </>
  );
}
