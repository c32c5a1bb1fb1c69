import type { Cause, CheckFinding, CheckReport, Preview } from "../index.ts";
import { counted, figure } from "../support/count.ts";
import { shellWord } from "../support/quote.ts";
import { describeRanges } from "../usage/envelope.ts";
import { onOut } from "./colors.ts";

/** A lake and its check. The organization is undefined for a single lake. */
export interface CheckedLake {
  readonly organization: string | undefined;
  readonly uri: string;
  /** The options that name the lake in commands. */
  readonly flags: string;
  readonly report: CheckReport;
}

const LABELS: Readonly<Record<CheckFinding["status"], (text: string) => string>> = {
  new: onOut.red,
  worse: onOut.red,
  ended: onOut.green,
  open: onOut.yellow,
  acknowledged: onOut.dim,
};

export function checkText(checked: CheckedLake): string {
  const { organization, report } = checked;
  const whose = organization === undefined ? "" : `${organization}: `;
  const { period, service, grouping } = report.basis;
  const data = period === null ? "" : ` (${service}, ${grouping}, from ${period.from})`;
  const head = `${whose}Checked through ${report.checkedThrough}${data}: ${countsOf(report)}.`;
  return [`${onOut.bold(head)}\n`, ...report.findings.map((finding) => findingText(finding, checked))].join(
    "\n",
  );
}

/** `2 new, 1 ended, 3 open`. */
function countsOf({ findings, missing }: CheckReport): string {
  const counts = (Object.keys(LABELS) as CheckFinding["status"][]).flatMap((status) => {
    const count = findings.filter((finding) => finding.status === status).length;
    return count === 0 ? [] : `${count} ${status}`;
  });
  if (counts.length > 0) return counts.join(", ");
  return missing.length > 0 ? "days are missing, so nothing is certain" : "nothing found";
}

function findingText(finding: CheckFinding, { flags }: CheckedLake): string {
  const { id, status, summary, rules, causes, acknowledged } = finding;
  const lines = [
    `${LABELS[status](status.padEnd(5))}  ${id}  ${rules.join(", ")}`,
    `       ${summary}`,
    ...causes.map((cause) => `       ${causeText(cause, finding)}`),
    ...(acknowledged === null
      ? []
      : [`       Acknowledged until ${acknowledged.until}: ${acknowledged.reason}`]),
    ...nextSteps(finding, flags).map((step) => `       ${onOut.dim(step)}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** `61%  /api/v2/users: 4,810 of 9,102 requests`. */
function causeText({ value, name, amount, share, requests }: Cause, { kind }: CheckFinding): string {
  const whole = `${Math.round(share * 100)}%`.padStart(4);
  const what = name === null ? value : `${name} (${value})`;
  return `${whole}  ${what}: ${amountText(kind, amount, requests)}`;
}

function amountText(kind: CheckFinding["kind"], amount: number, requests: number): string {
  if (kind === "rate-limited") return `${figure(amount)} of ${figure(requests)} requests got a 429`;
  if (kind === "errors") return `${figure(amount)} of ${figure(requests)} requests failed`;
  if (kind === "new-client" || kind === "token-share" || kind === "allowance")
    return `${figure(amount)} requests`;
  return `${figure(Math.abs(amount))} ${amount < 0 ? "fewer" : "more"} requests a day`;
}

/** Commands to look further. */
function nextSteps(
  { dimension, subject, since, lastDay, kind, status }: CheckFinding,
  flags: string,
): string[] {
  if (status === "ended" || status === "acknowledged") return [];
  if (dimension === "lake") return [`gc-usage sync --from ${since} --to ${lastDay}${flags}`];
  if (kind === "allowance") return [`gc-usage ask busy-clients --from ${since} --to ${lastDay}${flags}`];
  if (subject === null) return [`gc-usage ask change --to ${lastDay} --last 7d${flags}`];
  const filter = `--${dimension === "client" ? "client" : "endpoint"} ${shellWord(subject.id)}`;
  const question = kind === "rate-limited" ? "hot-spots" : "requests-by-day";
  return [
    ...(kind === "rate-limited" && dimension === "client"
      ? [
          `gc-usage diagnose ${shellWord(subject.id)} --to ${lastDay}${flags}  # which limit it hits, and what to do`,
        ]
      : []),
    `gc-usage ask ${question} ${filter} --from ${since} --to ${lastDay}${flags}`,
  ];
}

export function markdown({ organization, uri, report }: CheckedLake): string {
  const heading = `## API usage check${organization === undefined ? "" : ` of ${cell(organization)}`}\n`;
  const { period, service, grouping } = report.basis;
  const facts = `Checked through ${report.checkedThrough}: ${countsOf(report)}. Lake ${cell(uri)}${period === null ? "" : `, ${service}, ${grouping}, from ${period.from}`}.\n`;
  const missing =
    report.missing.length === 0
      ? []
      : [`**No data for ${describeRanges(report.missing)}**, so nothing is known about these days.\n`];
  const table =
    report.findings.length === 0
      ? []
      : [
          [
            "| status | finding | causes | id |",
            "| --- | --- | --- | --- |",
            ...report.findings.map(
              ({ status, summary, causes, id }) =>
                `| ${status} | ${cell(summary)} | ${causes.map(({ value, share }) => `${Math.round(share * 100)}% ${cell(value)}`).join("<br>")} | ${id} |`,
            ),
            "",
          ].join("\n"),
        ];
  return [heading, facts, ...missing, ...table].join("\n");
}

/** Text in a cell of a table, without any markup. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, " ").replace(/[\\`*_{}[\]<>|#!]/g, (character) => `\\${character}`);
}

export function previewText({
  organization,
  from,
  to,
  rules,
}: Preview & { readonly organization?: string | undefined }): string {
  const whose = organization === undefined ? "" : `${organization}: `;
  const width = Math.max(...rules.map(({ rule }) => rule.length)) + 2;
  const lines = rules.flatMap(({ rule, cases }) => [
    `${rule.padEnd(width)}${counted(cases.length, "case")}`,
    ...cases.map(({ subject, since, lastDay }) => {
      const who = subject === null ? "all" : (subject.name ?? subject.id);
      return `${" ".repeat(width)}${since === lastDay ? since : `${since} to ${lastDay}`}  ${who}`;
    }),
  ]);
  return `${whose}From ${from} to ${to}, the rules would have reported:\n${lines.join("\n")}\n`;
}
