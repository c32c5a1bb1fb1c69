import type { Crawler, Glue } from "@aws-sdk/client-glue";
import type { Effects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { pollUntil } from "../support/poll.ts";
import type { Aws } from "./aws.ts";
import type { StackSettings } from "./stack.ts";

/** The table that Glue's crawler creates from the raw rows, named after the folder that it reads. */
export const SOURCE_TABLE = "gc_usage_api_source";

export interface CrawlFollow {
  /** Called at each poll with the crawler's state (READY, RUNNING or STOPPING) and the seconds so far. */
  readonly onState: (state: string, seconds: number) => void;
  readonly signal: AbortSignal;
  readonly effects: Effects;
}

export interface Crawled {
  readonly crawler: string;
  /** True if it was already running, and this run was waited for. */
  readonly joined: boolean;
  readonly seconds: number;
  readonly database: string;
  /** Undefined if the crawler found no data for a table. */
  readonly table: CrawledTable | undefined;
}

export interface CrawledTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** `granularity=month` … */
  readonly partitions: readonly string[];
}

const POLL_MS = 3_000;

/**
 * Starts the stack's crawler, or joins a current run, waits until it is READY, and returns the table in the catalog.
 *
 * @throws {GcUsageError} aws, if the crawl failed, with Glue's reason; interrupted, while the crawler continues.
 */
export async function crawl(aws: Aws, settings: StackSettings, follow: CrawlFollow): Promise<Crawled> {
  const { crawler, database } = settings;
  return aws.call(`run the crawler ${crawler}`, async () => {
    const glue = await aws.glue();
    const before = await state(glue, crawler);
    const joined = await start(glue, crawler);
    const begun = follow.effects.now();
    const seconds = (): number => Math.round((follow.effects.now() - begun) / 1000);
    const look = async (): Promise<Crawled | undefined> => {
      const now = await state(glue, crawler);
      follow.onState(now.State ?? "", seconds());
      // A crawler may still report READY just after its start: only a new last crawl proves that it is done.
      const isNew = now.LastCrawl?.StartTime?.getTime() !== before.LastCrawl?.StartTime?.getTime();
      if (now.State !== "READY" || !(isNew || joined)) return undefined;
      checkCrawl(now, crawler);
      return { crawler, joined, seconds: seconds(), database, table: await tableOf(glue, database) };
    };
    return await pollUntil(look, { ...follow, pauseMs: POLL_MS }).catch((error: unknown) => {
      if (!follow.signal.aborted) throw error;
      throw new GcUsageError("interrupted", `Interrupted. The crawler ${crawler} continues to run in AWS.`, {
        hint: "To wait for it, run the same command again.",
      });
    });
  });
}

async function state(glue: Glue, crawler: string): Promise<Crawler> {
  return (await glue.getCrawler({ Name: crawler })).Crawler ?? {};
}

/** True if it was already running. */
async function start(glue: Glue, crawler: string): Promise<boolean> {
  try {
    await glue.startCrawler({ Name: crawler });
    return false;
  } catch (error) {
    if (error instanceof Error && error.name === "CrawlerRunningException") return true;
    throw error;
  }
}

function checkCrawl({ LastCrawl }: Crawler, crawler: string): void {
  const status = LastCrawl?.Status ?? "";
  if (status !== "FAILED" && status !== "CANCELLED") return;
  const log =
    LastCrawl?.LogGroup === undefined ? "" : ` Log: ${LastCrawl.LogGroup}, ${LastCrawl.LogStream ?? ""}.`;
  const why = LastCrawl?.ErrorMessage === undefined ? "" : `: ${LastCrawl.ErrorMessage}`;
  throw new GcUsageError("aws", `The crawler ${crawler} ended with ${status}${why}.${log}`, {
    hint: "Fix the cause, then run `gc-usage aws crawl` again.",
  });
}

async function tableOf(glue: Glue, DatabaseName: string): Promise<CrawledTable | undefined> {
  try {
    const { Table } = await glue.getTable({ DatabaseName, Name: SOURCE_TABLE });
    const keys = (Table?.PartitionKeys ?? []).map((key) => key.Name ?? "");
    const columns = [...(Table?.StorageDescriptor?.Columns ?? []), ...(Table?.PartitionKeys ?? [])];
    return {
      name: SOURCE_TABLE,
      columns: columns.map(({ Name = "", Type = "" }) => ({ name: Name, type: Type })),
      partitions: await partitionsOf(glue, DatabaseName, keys),
    };
  } catch (error) {
    if (error instanceof Error && error.name === "EntityNotFoundException") return undefined;
    throw error;
  }
}

async function partitionsOf(glue: Glue, DatabaseName: string, keys: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await glue.getPartitions({ DatabaseName, TableName: SOURCE_TABLE, NextToken });
    for (const { Values = [] } of page.Partitions ?? []) {
      names.push(Values.map((value, i) => `${keys[i] ?? i}=${value}`).join("/"));
    }
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return names.sort();
}
