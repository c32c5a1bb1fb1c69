import { readFile } from "node:fs/promises";
import { GcUsageError } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { reasonOf } from "../support/system-reason.ts";

/** A setting and its source as shown to users: "GENESYSCLOUD_REGION". */
export interface Found {
  readonly value: string;
  readonly source: string;
}

type Input = AsyncIterable<Uint8Array | string> | undefined;

/** No secret or token is longer. */
const MAX_SECRET = 64 * 1024;

/**
 * Reads a secret from a file that holds nothing else, or from standard input for `-`.
 *
 * @throws {GcUsageError} input, if the file cannot be read, is empty, or holds more than one word.
 */
export async function secretFrom(file: string, flag: string, stdin: Input): Promise<Found> {
  const source = file === "-" ? `${flag} (standard input)` : `${flag} ${file}`;
  const text = (file === "-" ? await readAll(stdin) : await readSecretFile(file, flag))
    .replace(/^\uFEFF/, "")
    .trim();
  for (const word of text.split(/\s+/)) secrets.add(word);
  if (text === "" || text.length > MAX_SECRET || /\s/.test(text)) {
    const why = text === "" ? "is empty" : "holds more than one word";
    throw new GcUsageError("input", `Invalid secret from ${source}: the input ${why}.`, {
      hint: "Expected the secret or token and nothing else.",
    });
  }
  return { value: text, source };
}

async function readSecretFile(file: string, flag: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new GcUsageError("input", `Cannot read ${file} (from ${flag}): ${reasonOf(error)}.`, {
      hint: "Set a file that holds the secret or token and nothing else.",
      cause: error,
    });
  }
}

async function readAll(stdin: Input): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin ?? []) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MAX_SECRET) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}
