import { type CheckFinding, findingSummary } from "../index.ts";
import { nameInText } from "../support/printable.ts";
import { describeRanges } from "../usage/envelope.ts";
import { type CheckedLake, checkText, markdown } from "./check-text.ts";
import { stringify } from "./cli.ts";
import { lakesJson } from "./lakes-json.ts";
import { type OneOf, oneOf } from "./options.ts";

export const CHECK_FORMATS = ["text", "json", "markdown", "junit", "github"] as const;
export type CheckFormat = (typeof CHECK_FORMATS)[number];
export const checkFormatOption: OneOf<CheckFormat> = oneOf(CHECK_FORMATS, "--format");

/** @param options.isQuietWhenClear no text if there is nothing to report and nothing is missing. */
export function formatCheck(
  format: CheckFormat,
  all: readonly CheckedLake[],
  { isQuietWhenClear }: { readonly isQuietWhenClear: boolean },
): string {
  switch (format) {
    case "json":
      return `${stringify(lakesJson(all))}\n`;
    case "markdown":
      return all.map(markdown).join("\n");
    case "junit":
      return junit(all);
    case "github":
      return all.flatMap(({ report }) => report.findings.map(annotation)).join("");
    case "text": {
      const shown = isQuietWhenClear
        ? all.filter(({ report }) => report.findings.length > 0 || report.missing.length > 0)
        : all;
      return shown.map(checkText).join("\n");
    }
  }
}

/** A workflow command of GitHub Actions. */
function annotation(finding: CheckFinding): string {
  const { status, rules } = finding;
  if (status === "ended" || status === "acknowledged") return "";
  const escaped = findingSummary(finding)
    .replaceAll("%", "%25")
    .replaceAll("\r", "%0D")
    .replaceAll("\n", "%0A");
  return `::${status === "open" ? "notice" : "warning"} title=gc-usage ${rules[0] ?? "check"} (${status})::${escaped}\n`;
}

/** One test case for each finding that is open, and one for the data. */
function junit(all: readonly CheckedLake[]): string {
  const suites = all.map(({ organization, report }) => {
    const open = report.findings.filter(({ status }) => status !== "ended" && status !== "acknowledged");
    const cases = open.map((finding) => {
      const { id, rules, dimension, subject } = finding;
      return `    <testcase classname="${xml(rules[0] ?? "check")}" name="${xml(`${nameInText(subject?.name ?? subject?.id ?? dimension)} (${id})`)}">
      <failure message="${xml(findingSummary(finding))}"/>
    </testcase>`;
    });
    const missing = describeRanges(report.missing);
    const data =
      missing === ""
        ? '    <testcase classname="data" name="complete"/>'
        : `    <testcase classname="data" name="complete">
      <error message="${xml(`No data for ${missing}`)}"/>
    </testcase>`;
    const name = organization === undefined ? "gc-usage check" : `gc-usage check of ${organization}`;
    return `  <testsuite name="${xml(name)}" tests="${open.length + 1}" failures="${open.length}" errors="${missing === "" ? 0 : 1}">
${[...cases, data].join("\n")}
  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("\n")}\n</testsuites>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Control characters other than tab and line breaks, and code points that are not characters. */
const NOT_IN_XML = /(?![\t\n\r])[\p{Cc}\ufffe\uffff]/gu;

/** XML 1.0 cannot contain some characters, not even escaped. */
function xml(text: string): string {
  return text
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? "")
    .replace(NOT_IN_XML, "\ufffd")
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}
