import { parseDocument } from "yaml";
import { GcUsageError } from "../support/errors.ts";

/**
 * The value of a YAML or JSON text; null for an empty one.
 *
 * @param name of the file, for the error.
 * @throws {GcUsageError} input, if it is neither.
 */
export function parseYaml(text: string, name: string): unknown {
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (!broken) return document.toJS();
  const [line = ""] = broken.message.split("\n");
  throw new GcUsageError("input", `${name} is neither YAML nor JSON: ${line.replace(/:$/, "")}.`, {
    cause: broken,
  });
}
