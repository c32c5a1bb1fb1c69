import type { Lake } from "../lake/lake.ts";
import { readLabelsFile, readNames } from "../lake/names.ts";
import type { Label } from "../questions/labels.ts";
import type { ShownNames } from "../questions/named-rows.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { LABELS_FILE } from "../usage/lake-path.ts";
import { readText } from "./read-text.ts";
import type { Variables } from "./settings.ts";

/**
 * The names to show in answers about lakes. Labels come from the named file, else from that of GC_USAGE_LABELS, else each lake's labels.csv.
 *
 * @throws {GcUsageError} input, if a labels file is named but cannot be read, or is not valid.
 */
export async function shownNames(
  lakes: readonly Lake[],
  file: string | undefined,
  env: Variables,
): Promise<ShownNames> {
  const users = new Map<string, string>();
  for (const lake of lakes) {
    for (const [id, { name }] of Object.entries((await readNames(lake)).content.users)) {
      if (name !== null) users.set(id.toLowerCase(), name);
    }
  }
  return { users, labels: await labelsOf(lakes, file, env) };
}

/** The labels file that the option or the environment names. */
export function labelsFile(
  option: string | undefined,
  env: Variables,
): { readonly path: string; readonly from: string } | undefined {
  if (option === "") {
    throw new GcUsageError("input", "--labels is empty.", { hint: "Set a CSV file, or omit --labels." });
  }
  if (option !== undefined) return { path: option, from: "--labels" };
  const path = env["GC_USAGE_LABELS"];
  return path ? { path, from: "GC_USAGE_LABELS" } : undefined;
}

async function labelsOf(
  lakes: readonly Lake[],
  file: string | undefined,
  env: Variables,
): Promise<Map<string, Label> | undefined> {
  const named = labelsFile(file, env);
  if (named) {
    const { path, from } = named;
    const source = `${quoted(path)} (from ${from})`;
    const hint = "Check the path and permissions of the file.";
    const text = await readText(path, `the labels file ${source}`, hint);
    return (await loadLabels()).parseLabels(text, source);
  }
  let labels: Map<string, Label> | undefined;
  for (const lake of lakes) {
    const text = await readLabelsFile(lake);
    if (text === undefined) continue;
    const { parseLabels } = await loadLabels();
    labels = new Map([...(labels ?? []), ...parseLabels(text, `${LABELS_FILE} of the lake ${lake.uri}`)]);
  }
  return labels;
}

/** Loads the reader of CSV, which most questions do not need. */
function loadLabels(): Promise<typeof import("../questions/labels.ts")> {
  return import("../questions/labels.ts");
}
