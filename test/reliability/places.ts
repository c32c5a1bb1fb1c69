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
import { mirrorAll, newBucket } from "../aws/s3-helpers.ts";

/** The locations of lakes: a test does the same in each of them. */
export interface Place {
  readonly kind: "folder" | "S3";
  /** The value of `--lake` for a lake's name. */
  lake(name: string): string;
  /** The environment that a command needs for the lake. */
  env(name: string): Readonly<Record<string, string>>;
  /** A folder where DuckDB reads the current lake: the lake itself, or a mirror of it. */
  folder(name: string): Promise<string>;
  /** Everything that belongs to the lake, or to work on it, but that no reader needs. */
  leftovers(name: string): Promise<string[]>;
  remove(name: string): Promise<void>;
}

const moto = inject("moto");

/** A folder, and S3 if the suite has one (`npm run test:soak`). `root` is for local files. */
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
      return await mirrorAll(new S3Store(parseS3Uri(lake(name)), options));
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

/** The lake itself. */
const PART_OF_LAKE = /^(?:_gc-usage(?:-costs)?\.json$|(?:usage|gc_usage_api_source|slices)(?:\/|$))/;

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder, { recursive: true }).catch(() => []);
}
