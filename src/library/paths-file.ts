import { readFile } from "node:fs/promises";
import { type PathPattern, parsePaths } from "../questions/path-patterns.ts";
import { GcUsageError, messageOf } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";

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
  const text = await readFile(pathsFile, "utf8").catch((error: unknown) => {
    throw new GcUsageError("input", `Cannot read --paths-file ${quoted(pathsFile)}: ${messageOf(error)}.`, {
      hint: "Set a text file with one path per line, for example: GET /api/v2/flows/{flowId}",
      cause: error,
    });
  });
  return parsePaths(text, `--paths-file ${quoted(pathsFile)}`);
}
