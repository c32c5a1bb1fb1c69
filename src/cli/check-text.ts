import {
  type Cause,
  type CheckFinding,
  type CheckReport,
  causeAmount,
  findingSummary,
  nextSteps,
  type Preview,
} from "../index.ts";
import { counted } from "../support/count.ts";
import { markdownText } from "../support/markdown.ts";
import { nameInText } from "../support/printable.ts";
import { addDays } from "../usage/day.ts";
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
  const data = dataText(report);
  const head = `${whose}Checked through ${report.checkedThrough}${data === "" ? "" : ` (${data})`}: ${countsOf(report)}.`;
  return [`${onOut.bold(head)}\n`, ...report.findings.map((finding) => findingText(finding, checked))].join(
    "\n",
  );
}

/** `jobs, client-uri-method, from 2026-09-01`: the first day that the lake has. */
function dataText({ basis: { period, coverage, service, grouping } }: CheckReport): string {
  if (period === null) return "";
  const [gap] = coverage?.missing ?? [];
  const first = gap?.from === period.from ? addDays(gap.to, 1) : period.from;
  return `${service}, ${grouping}, ${first > period.to ? "no data up to this day" : `from ${first}`}`;
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
  const { id, status, summary, limit, rules, causes, acknowledged } = finding;
  const lines = [
    `${LABELS[status](status.padEnd(5))}  ${id}  ${rules.join(", ")}`,
    `       ${summary}`,
    ...causes.map((cause) => `       ${causeLine(cause, finding)}`),
    ...(limit === null || status === "ended" ? [] : [`       ${limit.summary}`]),
    ...(acknowledged === null
      ? []
      : [`       Acknowledged until ${acknowledged.until}: ${acknowledged.reason}`]),
    ...nextSteps(finding, flags).map(
      ({ command, shows }) => `       ${onOut.dim(shows === null ? command : `${command}  # ${shows}`)}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** `61%  /api/v2/users: 4,810 of 9,102 requests got a 429`. */
function causeLine(cause: Cause, finding: CheckFinding): string {
  const { value, name, share } = cause;
  const what = name === null ? nameInText(value) : `${nameInText(name)} (${nameInText(value)})`;
  return `${`${Math.round(share * 100)}%`.padStart(4)}  ${what}: ${causeAmount(cause, finding)}`;
}

export function markdown({ organization, uri, report }: CheckedLake): string {
  const heading = `## API usage check${organization === undefined ? "" : ` of ${markdownText(organization)}`}\n`;
  const data = dataText(report);
  const facts = `Checked through ${report.checkedThrough}: ${countsOf(report)}. Lake ${markdownText(uri)}${data === "" ? "" : `, ${data}`}.\n`;
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
              (finding) =>
                `| ${finding.status} | ${markdownText(findingSummary(finding))} | ${finding.causes.map(({ value, share }) => `${Math.round(share * 100)}% ${markdownText(nameInText(value))}`).join("<br>")} | ${finding.id} |`,
            ),
            "",
          ].join("\n"),
        ];
  return [heading, facts, ...missing, ...table].join("\n");
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
      const who = subject === null ? "all" : nameInText(subject.name ?? subject.id);
      return `${" ".repeat(width)}${since === lastDay ? since : `${since} to ${lastDay}`}  ${who}`;
    }),
  ]);
  return `${whose}From ${from} to ${to}, the rules would have reported:\n${lines.join("\n")}\n`;
}
