import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";
import { inject } from "vitest";
import { S3Store } from "../../src/lake/s3/s3-store.ts";
import { parseS3Uri } from "../../src/lake/s3/s3-uri.ts";
import { silentLog } from "../../src/support/effects.ts";
import { awsEnv, clientOptions } from "../aws/harness/env.ts";
import { newBucket } from "../aws/s3-helpers.ts";

/** Where lakes are tried: what a test does to them is the same in every place. */
export interface Place {
  readonly kind: "folder" | "S3";
  /** Of a lake's name, what `--lake` takes. */
  lake(name: string): string;
  /** What a command needs in its environment for the lake. */
  env(name: string): Readonly<Record<string, string>>;
  /** A folder in which DuckDB reads the lake as it is now: the lake itself, or a mirror of it. */
  folder(name: string): Promise<string>;
  /** What is there of the lake, or of work on it, that no reader asks for. */
  leftovers(name: string): Promise<string[]>;
  remove(name: string): Promise<void>;
}

const moto = inject("moto");

/** In a folder, and on S3 where the suite has one (`npm run test:soak`). `root` is for what is on this machine. */
export const PLACES: readonly (readonly [name: string, open: (root: string) => Promise<Place>])[] = [
  ["a folder", (root) => Promise.resolve(folders(root))],
  ...(moto === undefined ? [] : [["S3", (root: string) => bucket(root, moto)] as const]),
];

function folders(root: string): Place {
  const lake = (name: string): string => join(root, name);
  return {
    kind: "folder",
    lake,
    env: () => ({}),
    folder: (name) => Promise.resolve(lake(name)),
    leftovers: async (name) => (await namesIn(lake(name))).filter((file) => !PART_OF_LAKE.test(file)),
    remove: (name) => rm(lake(name), { recursive: true, force: true }),
  };
}

async function bucket(root: string, url: string): Promise<Place> {
  const aws = { url, athenaUrl: url };
  const Bucket = await newBucket(aws, "reliability");
  const s3 = new S3Client(clientOptions(aws));
  const lake = (name: string): string => `s3://${Bucket}/${name}`;
  const cache = (name: string, whose: string): string => join(root, "cache", `${name}-${whose}`);
  const keys = async (name: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: `${name}/` })) {
      for (const { Key = "" } of page.Contents ?? []) found.push(Key.slice(name.length + 1));
    }
    return found;
  };
  return {
    kind: "S3",
    lake,
    env: (name) => ({ ...awsEnv(aws), GC_USAGE_CACHE: cache(name, "runs") }),
    async folder(name) {
      await mkdir(cache(name, "reader"), { recursive: true });
      const options = { client: s3, log: silentLog, cache: cache(name, "reader") };
      return await new S3Store(parseS3Uri(lake(name)), options).fetchAllFiles();
    },
    async leftovers(name) {
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
      return [
        ...(await keys(name)).filter((key) => !PART_OF_LAKE.test(key)),
        ...Uploads.map(({ Key }) => `upload of ${Key}`).filter((upload) => upload.includes(`${name}/`)),
        ...(await namesIn(cache(name, "runs"))).filter((file) => /\.staging\b|\.parts\/./.test(file)),
      ];
    },
    async remove(name) {
      const all = (await keys(name)).map((key) => ({ Key: `${name}/${key}` }));
      if (all.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: all } }));
      for (const whose of ["runs", "reader"]) await rm(cache(name, whose), { recursive: true, force: true });
    },
  };
}

/** The lake itself; and a folder that was killed before it had a lease goes with its age (workspace.ts). */
const PART_OF_LAKE = /^(?:_gc-usage\.json$|(?:usage|gc_usage_api_source)(?:\/|$)|\.staging\/new\.)/;

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder, { recursive: true }).catch(() => []);
}
