import type {
  Change,
  Crawled,
  DeployPlan,
  Drifted,
  StackSettings,
  Standing,
  TemplateParameter,
} from "../aws/index.ts";
import { onErr } from "./colors.ts";

/** Texts of `gc-usage aws` about changes, crawls, drift and deletion. */

export function changesText(made: DeployPlan): string {
  const marks: Readonly<Record<string, string>> = {
    Add: onErr.green("+"),
    Modify: onErr.yellow("~"),
    Remove: onErr.red("-"),
  };
  const line = (change: Change): string => {
    const now = change.physicalId === undefined ? "" : onErr.dim(`  ${change.physicalId}`);
    const replaced = change.replaced ? onErr.red("  replaced") : "";
    return `  ${marks[change.action] ?? change.action} ${change.resource.padEnd(26)} ${change.type}${now}${replaced}`;
  };
  const head =
    made.action === "create"
      ? `The stack ${made.stack} would be created:`
      : `The stack ${made.stack} would change:`;
  const lines = made.changes.map(line);
  return [head, ...(lines.length > 0 ? lines : ["  only its outputs"])].join("\n");
}

export function parametersText(parameters: readonly TemplateParameter[]): string {
  return parameters
    .map(
      ({ name, default: value, description }) =>
        `${name}${value === "" ? "" : `=${value}`}\n  ${description}\n`,
    )
    .join("");
}

export function crawledText(
  { crawler, joined, seconds, database, table }: Crawled,
  { source }: StackSettings,
): string {
  const head = `The crawler ${crawler} is READY after ${seconds} s${joined ? " (it was running already)" : ""}.\n`;
  if (table === undefined) {
    return `${head}It created no table. Check that there is a file under ${source}granularity=month/ with one JSON object per line.\n`;
  }
  const { name, columns, partitions } = table;
  return (
    `${head}The table ${database}.${name} has ${columns.length} columns: ${columns.map((column) => column.name).join(", ")}\n` +
    `Its partitions: ${partitions.join(", ") || "none"}\n`
  );
}

export function driftText(drifted: readonly Drifted[]): string {
  if (drifted.length === 0) return "Nothing has drifted.\n";
  return drifted
    .map(({ resource, type, physicalId, status, differences }) => {
      const lines = differences.map(
        ({ property, expected, actual }) => `    ${property}: ${expected} → ${actual}\n`,
      );
      return `${status} ${resource} (${type}) ${physicalId}\n${lines.join("")}`;
    })
    .join("");
}

export function destroyText(
  { stack, status, others, existingLakeBucket }: Standing,
  buckets: readonly string[],
  data: boolean,
): string {
  const kinds = [...new Set(others.map(({ type }) => type.replace("AWS::", "")))].join(", ");
  const existing =
    existingLakeBucket === undefined
      ? ""
      : `\nThe lake's bucket ${existingLakeBucket} is not part of the stack: it would be kept.`;
  const rest = `The stack ${stack} (${status}) would be deleted: ${others.length} resources (${kinds}).${existing}`;
  if (buckets.length === 0) return rest;
  return `${rest}\n${data ? onErr.red("Its data would be DELETED") : "Its data would be kept"}: ${buckets.join(", ")}`;
}
