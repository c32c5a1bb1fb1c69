import { setTimeout as sleep } from "node:timers/promises";
import { isLosslessNumber, parse } from "lossless-json";
import { z } from "zod";

const errorSchema = z.object({
  message: z.string(),
  errorName: z.string(),
  errorType: z.string(),
});
const answerSchema = z.object({
  id: z.string(),
  nextUri: z.string().optional(),
  updateType: z.string().optional(),
  columns: z.array(z.object({ name: z.string(), type: z.string() })).optional(),
  data: z.array(z.array(z.unknown())).optional(),
  stats: z.object({ state: z.string(), physicalInputBytes: z.number().optional() }),
  error: errorSchema.optional(),
});
type Answer = z.infer<typeof answerSchema>;

/** The result of a statement. Numbers keep Trino's text, so that 2^53 + 1 stays exact. */
export interface TrinoResult {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  /** Set for statements that are not queries: "CREATE TABLE", "INSERT". */
  updateType: string | undefined;
  bytesScanned: number;
  error: z.infer<typeof errorSchema> | undefined;
}

export interface StatementOptions {
  readonly catalog?: string;
  readonly schema?: string;
  readonly signal?: AbortSignal;
  /** Called with each response; return false to end the statement. */
  readonly onProgress?: (state: string, bytesScanned: number) => boolean;
}

/** Runs one statement to its end over `POST /v1/statement`; aborting or `onProgress` cancels it with DELETE. */
export async function runStatement(
  url: string,
  sql: string,
  options: StatementOptions = {},
): Promise<TrinoResult> {
  const headers = {
    "X-Trino-User": "athena",
    "X-Trino-Catalog": options.catalog ?? "awsdatacatalog",
    "X-Trino-Schema": options.schema ?? "default",
    "X-Trino-Time-Zone": "UTC",
  };
  const result: TrinoResult = {
    columns: [],
    rows: [],
    updateType: undefined,
    bytesScanned: 0,
    error: undefined,
  };
  let answer = await read(await fetch(`${url}/v1/statement`, { method: "POST", body: sql, headers }));
  for (;;) {
    take(answer, result);
    const goOn = options.onProgress?.(answer.stats.state, result.bytesScanned) ?? true;
    if (answer.nextUri === undefined) return result;
    const next = goOn ? await goneOn(answer.nextUri, options.signal) : undefined;
    if (next === undefined) {
      await fetch(answer.nextUri, { method: "DELETE" });
      return result;
    }
    answer = next;
  }
}

/** Trino's next response, which may take a second; undefined if the signal ended the wait. */
async function goneOn(uri: string, signal: AbortSignal | undefined): Promise<Answer | undefined> {
  try {
    return await read(await fetch(uri, signal && { signal }));
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

async function read(response: Response): Promise<Answer> {
  if (response.status === 503) {
    await sleep(100); // Trino asks to repeat the request soon
    return read(await fetch(response.url));
  }
  const text = await response.text();
  if (!response.ok) throw new Error(`Trino answered ${response.status}: ${text.slice(0, 200)}`);
  const plain = answerSchema.parse(JSON.parse(text));
  const exact = z.object({ data: z.array(z.array(z.unknown())).optional() }).parse(parse(text));
  return { ...plain, data: exact.data };
}

function take(answer: Answer, result: TrinoResult): void {
  if (answer.columns) result.columns = answer.columns;
  for (const row of answer.data ?? []) result.rows.push(row);
  result.updateType = answer.updateType ?? result.updateType;
  result.bytesScanned = Math.max(result.bytesScanned, answer.stats.physicalInputBytes ?? 0);
  result.error = answer.error ?? result.error;
}

/** A value as Athena prints it in its results; undefined for NULL. */
export function valueText(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "string") return value;
  if (isLosslessNumber(value)) return value.value;
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => valueText(item) ?? "null").join(", ")}]`;
  const fields = Object.entries(value).map(([key, field]) => `${key}=${valueText(field) ?? "null"}`);
  return `{${fields.join(", ")}}`;
}
