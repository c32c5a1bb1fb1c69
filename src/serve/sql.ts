import { Hono } from "hono";
import * as z from "zod";
import { GcUsageError } from "../index.ts";
import { joinSignals } from "../support/effects.ts";
import type { SqlAnswer, SqlRequest, SqlState } from "../views/api.ts";
import type { Env } from "./api.ts";
import { Refusal } from "./failure.ts";
import type { Lakes } from "./lakes.ts";
import { readJson } from "./read-json.ts";
import { Body, reply } from "./replies.ts";
import { Turns } from "./turns.ts";

export interface SqlParts {
  readonly lakes: Lakes;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
  readonly limits: SqlLimits;
}

export interface SqlLimits {
  readonly rows: number;
  readonly characters: number;
  readonly valueCharacters: number;
  readonly seconds: number;
  /** Statements that run at the same time. */
  readonly atOnce: number;
  /** Statements that wait for their turn. */
  readonly waiting: number;
}

export const SQL_LIMITS: SqlLimits = {
  rows: 10_000,
  characters: 4_000_000,
  valueCharacters: 100_000,
  seconds: 60,
  atOnce: 2,
  waiting: 6,
};

const REQUEST = z.object({
  id: z.string().regex(/^[\w-]{1,100}$/),
  sql: z.string(),
  organization: z.string().nullish(),
});

export function sqlOf({ lakes, signal, limits }: SqlParts): Hono<Env> {
  const turns = new Turns(limits.atOnce, limits.waiting);
  /** What stops each statement, by session and id. */
  const running = new Map<string, AbortController>();
  const api = new Hono<Env>();
  api.use(async (context, next) => {
    if (context.get("session").isReadOnly)
      throw new Refusal(
        403,
        "refused",
        "The wall display's link does not run SQL.",
        "Sign in with the other link.",
      );
    await next();
  });
  api.post("/", async (context) => {
    const request = requestOf(await readJson(context));
    const key = `${context.get("session").id} ${request.id}`;
    if (running.has(key)) throw new Refusal(409, "input", "A statement with this id is still running.");
    const stop = new AbortController();
    running.set(key, stop);
    const joined = joinSignals(signal, stop.signal);
    // Nobody waits for the rows any more.
    context.req.raw.signal.addEventListener("abort", () => stop.abort(stopped()));
    try {
      return await reply(
        context,
        Body.json(await turns.take(joined.signal, () => run(lakes, request, limits, joined.signal))),
      );
    } finally {
      joined.release();
      running.delete(key);
    }
  });
  api.get("/", (context) => {
    const state: SqlState = turns.state;
    return context.json(state);
  });
  api.delete("/:id", (context) => {
    running.get(`${context.get("session").id} ${context.req.param("id")}`)?.abort(stopped());
    return context.body(null, 204);
  });
  return api;
}

function requestOf(body: unknown): SqlRequest & { organization?: string | undefined } {
  const parsed = REQUEST.safeParse(body);
  if (!parsed.success) {
    throw new GcUsageError("input", "The request is not a statement.", {
      hint: 'Send JSON: {"id": "1", "sql": "SELECT …"}',
    });
  }
  const { id, sql, organization } = parsed.data;
  if (sql.trim() === "") throw new GcUsageError("input", "There is no SQL statement.");
  return { id, sql, organization: organization ?? undefined };
}

async function run(
  lakes: Lakes,
  { sql, organization }: SqlRequest,
  limits: SqlLimits,
  signal: AbortSignal,
): Promise<SqlAnswer> {
  const lake = await lakes.forSql(organization);
  const statement = await lake.statement(sql, { signal });
  const { columns, rows, isTruncated, warnings, tables, stats } = await statement.bounded(limits);
  return {
    columns,
    rows,
    isTruncated,
    limits: { rows: limits.rows, characters: limits.characters },
    elapsedMs: stats.elapsedMs,
    bytesScanned: stats.bytesScanned ?? null,
    usd: stats.costUsd ?? null,
    warnings,
    basis: await statement.describe(tables),
  };
}

function stopped(): GcUsageError {
  return new GcUsageError("interrupted", "The statement was stopped.");
}
