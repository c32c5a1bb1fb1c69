import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { S3 } from "@aws-sdk/client-s3";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import type { UsageRow } from "../../src/usage/row.ts";
import { addSource, makeLake, type SliceRows, slice } from "../helpers/lakes.ts";
import { clientOptions } from "./harness/env.ts";
import type { LocalAws } from "./harness/setup.ts";

/** Realistic client names, and two unusual ones. */
const NAMES = [
  "Plain",
  'Quote " and comma,',
  "Line\nbreak\r\nand\ttab",
  "Emoji 😀 and ünïcode 統計",
  "it's; -- NULL",
  null,
  "",
  " blank ",
];
const ENDPOINTS = ["/api/v2/users/{userId}", "/api/v2/conversations", '/api/v2/analytics, "x"'];

/**
 * Days of usage with a gap, by both services and several groupings: counts above 2^53, NULL in every nullable column,
 * a day without requests, clients that come, go and are renamed.
 */
export function oddSlices(first: Day, days: number): SliceRows[] {
  const slices: SliceRows[] = [];
  for (let n = 0; n < days; n++) {
    if (n === 7) continue;
    const date = addDays(first, n);
    const rows = n === 3 ? [] : rowsOf(n);
    const users = rows.map((row, i) => ({ ...row, userId: i % 3 === 0 ? null : `user-${i % 4}` }));
    slices.push(
      slice(date, rows),
      slice(date, users, { grouping: "client-user-uri-method" }),
      slice(
        date,
        rows.map((row) => ({ ...row, requests: 1n })),
        { service: "legacy" },
      ),
      slice(date, [{ clientId: "a", requests: 1_000_000n }], { grouping: "client" }),
    );
  }
  slices.push(slice(`${first.slice(0, 8)}01`, rowsOf(0), { granularity: "month" }));
  return slices;
}

function rowsOf(n: number): Partial<UsageRow>[] {
  return NAMES.flatMap((name, i) => {
    if ((i === 1 && n < 10) || (i === 2 && n >= 8)) return [];
    return ENDPOINTS.map((templateUri, e) => {
      const status429 = (n + i + e) % 4 === 0 ? BigInt(i * e) : 0n;
      const status400 = status429 + BigInt((n * i) % 3);
      const status200 = i === 3 ? 9_007_199_254_740_993n : BigInt((n * 31 + i * 7 + e) % 40);
      return {
        clientId: i === 4 ? null : `client-${i}`,
        clientName: i === 0 && n > 12 ? "Renamed 😀" : name,
        templateUri,
        httpMethod: e === 1 ? null : "GET",
        status200,
        status300: null,
        status400,
        status500: BigInt(n % 2),
        status429: i === 6 ? null : status429,
        requests: i === 6 && e === 0 ? null : status200 + status400 + BigInt(n % 2),
      };
    });
  });
}

/** The article's raw rows, without ties, because its statement does not define their order. */
const SOURCE = NAMES.map((clientName, i) => {
  const row = {
    clientId: `c${i}`,
    clientName,
    organizationId: "",
    userId: "",
    templateUri: "",
    httpMethod: "GET",
  };
  const counts = `"status200":${i},"status300":0,"status400":2,"status500":0,"status429":${i * i},"requests":${9_007_199_254_740_993n + BigInt(i)}`;
  return `${JSON.stringify(row).slice(0, -1)},${counts},"date":"2021-01-0${i + 1}T00:00:00Z"}\n`;
}).join("");

/** A lake in a folder, with the same files in the bucket. */
export async function makeOddLake(aws: LocalAws, bucket: string, first: Day, days: number): Promise<string> {
  const lake = await makeLake(oddSlices(first, days));
  addSource(lake, "month", "execution-1", SOURCE);
  const s3 = new S3(clientOptions(aws));
  for (const { path } of await new FolderStore(lake).list("")) {
    await s3.putObject({ Bucket: bucket, Key: path, Body: await readFile(join(lake, path)) });
  }
  s3.destroy();
  return lake;
}
