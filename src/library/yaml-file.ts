import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { codeOf, GcUsageError, messageOf } from "../support/errors.ts";

/**
 * The text of a file.
 *
 * @param what `rules`, for the error.
 * @throws {GcUsageError} input, if it cannot be read.
 */
export async function readText(file: string, what: string, hint: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new GcUsageError(
      "input",
      `Cannot read the ${what} ${file}: ${codeOf(error) ?? messageOf(error)}.`,
      {
        hint,
        cause: error,
      },
    );
  }
}

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
