import { type PathPattern, parsePaths } from "../questions/path-patterns.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { readText } from "./read-text.ts";

/** The patterns of the named file; undefined without one. @throws {GcUsageError} input */
export async function pathsIn({
  pathsFile,
  endpoint = [],
}: {
  readonly pathsFile?: string | undefined;
  readonly endpoint?: string | readonly string[] | undefined;
}): Promise<PathPattern[] | undefined> {
  if (pathsFile === undefined) return undefined;
  if (endpoint.length > 0) {
    throw new GcUsageError("input", "--endpoint and --paths-file both choose endpoints.", {
      hint: "Use only one of them. A line of the file can have a method and a path, like --endpoint.",
    });
  }
  const hint = "Set a text file with one path per line, for example: GET /api/v2/flows/{flowId}";
  const text = await readText(pathsFile, `--paths-file ${quoted(pathsFile)}`, hint);
  return parsePaths(text, `--paths-file ${quoted(pathsFile)}`);
}
