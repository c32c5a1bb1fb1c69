import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeleteObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import type { OnProgress } from "../../src/support/progress.ts";
import { BIN } from "../helpers/bin.ts";
import { workFolder } from "../helpers/folders.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { between, fileOf, mirrorAll, newBucket, openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3Client(clientOptions(aws));
const PART = 5 * 1024 * 1024;
const EVERY_RAW_ROW = "SELECT count(*) FROM gc_usage_api_source";
const PATH = "gc_usage_api_source/granularity=month/one.json";

async function text(folder: string, path = PATH): Promise<string> {
  return readFile(join(folder, path), "utf8");
}

describe("the mirror of a lake in S3", () => {
  it("fetches new and changed files, removes deleted ones, and reports it", async () => {
    const Bucket = await newBucket(aws, "mirror");
    const writer = await openStore(aws, `s3://${Bucket}`);
    const { store, cache, messages } = await openStore(aws, `s3://${Bucket}`);
    const paths = ["a", "b", "c"].map((name) => `gc_usage_api_source/granularity=day/${name}.json`);
    const [a = "", b = "", c = ""] = paths;
    for (const path of paths) await writer.store.replace(path, await fileOf(`${path}\n`), undefined);
    expect(await mirrorAll(store)).toBe(cache);
    await mirrorAll(store);
    expect(messages).toEqual([
      expect.stringMatching(/^Mirrored 3 of 3 objects \([\d.]+ (?:kB|bytes)\) from s3:/),
    ]);

    await writer.store.replace(b, await fileOf("changed\n"), (await store.head(b))?.version);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: c }));
    const unchanged = await stat(join(cache, a));
    const other = await openStore(aws, `s3://${Bucket}`, { cache });
    await mirrorAll(other.store);
    expect(other.messages).toEqual([
      expect.stringMatching(/^Mirrored 1 of 2 objects \([\d.]+ (?:kB|bytes)\) from s3:/),
    ]);
    expect(await text(cache, b)).toBe("changed\n");
    expect((await stat(join(cache, a))).mtimeMs).toBe(unchanged.mtimeMs);
    await expect(stat(join(cache, c))).rejects.toThrow("ENOENT");
  });

  it("has what was just written without downloading it, also in a later process", async () => {
    const uri = `s3://${await newBucket(aws, "written")}`;
    const { store, cache, messages } = await openStore(aws, uri);
    await store.replace(PATH, await fileOf("first"), undefined);
    await store.replace(PATH, await fileOf("second"), (await store.head(PATH))?.version);
    expect(await text(await mirrorAll(store))).toBe("second");
    await store.release();
    const later = await openStore(aws, uri, { cache });
    expect(await text(await mirrorAll(later.store))).toBe("second");
    const elsewhere = await openStore(aws, uri);
    await elsewhere.store.replace(PATH, await fileOf("third"), (await store.head(PATH))?.version);
    expect([...messages, ...later.messages]).toEqual([]);
    expect(await text(await mirrorAll(later.store))).toBe("third");
  });

  it("is repaired if a file in it was changed or removed", async () => {
    const { store, cache } = await openStore(aws, `s3://${await newBucket(aws, "repair")}`);
    await store.replace(PATH, await fileOf("right"), undefined);
    await mirrorAll(store);
    await writeFile(join(cache, PATH), "wrong");
    expect(await text(await mirrorAll(store))).toBe("right");
    await rm(join(cache, PATH));
    expect(await text(await mirrorAll(store))).toBe("right");
  });

  it("is correct after several processes create it while the lake changes", async () => {
    const uri = `s3://${await newBucket(aws, "many")}`;
    const { store, cache } = await openStore(aws, uri);
    const paths = Array.from({ length: 20 }, (_, i) => `gc_usage_api_source/granularity=day/${i}.json`);
    const write = async (round: number): Promise<void> => {
      for (const path of paths) {
        await store.replace(path, await fileOf(`${round} ${path}`), (await store.head(path))?.version);
      }
    };
    await write(0);
    const readers = await Promise.all([1, 2, 3].map(() => openStore(aws, uri, { cache })));
    await Promise.all([
      write(1),
      ...readers.map(async (reader) => {
        for (let i = 0; i < 5; i++) await mirrorAll(reader.store);
      }),
    ]);
    await mirrorAll(store);
    expect(await Promise.all(paths.map((path) => text(cache, path)))).toEqual(
      paths.map((path) => `1 ${path}`),
    );
  });

  it("restarts an interrupted download", async () => {
    let cuts = 0;
    const meddled = await between(aws, ({ method, url = "" }) =>
      method === "GET" && url.includes(".json") && cuts++ < 2 ? "cut" : undefined,
    );
    const uri = `s3://${await newBucket(aws, "cut")}`;
    const writer = await openStore(aws, uri);
    await writer.store.replace(PATH, await fileOf("x".repeat(100_000)), undefined);
    const { store } = await openStore(meddled, uri);
    expect(await text(await mirrorAll(store))).toHaveLength(100_000);
    expect(cuts).toBe(3);
  });

  it("stops immediately at a signal even if S3 does not respond, and resumes the next time", async () => {
    const uri = `s3://${await newBucket(aws, "stop")}`;
    const { store, cache } = await openStore(aws, uri);
    const paths = Array.from({ length: 12 }, (_, i) => `gc_usage_api_source/granularity=day/${i}.json`);
    for (const path of paths) await store.replace(path, await fileOf(path), undefined);
    let asked = 0;
    const silence = new Promise<undefined>(() => {});
    const silent = await between(aws, ({ url = "" }) => {
      return url.includes(".json") && ++asked > 4 ? silence : undefined;
    });
    const stop = new AbortController();
    const onProgress: OnProgress = (shown) => {
      if (shown.kind === "mirror" && shown.done === 4 && shown.total === 12) stop.abort(new Error("enough"));
    };
    const stopped = await openStore(silent, uri, { cache });
    const begun = performance.now();
    await expect(mirrorAll(stopped.store, { signal: stop.signal, onProgress })).rejects.toThrow(/^enough$/);
    expect(performance.now() - begun).toBeLessThan(3000);
    const next = await openStore(aws, uri, { cache });
    await mirrorAll(next.store);
    expect(next.messages).toEqual([
      expect.stringMatching(/^Mirrored 8 of 12 objects \([\d.]+ (?:kB|bytes)\) from s3:/),
    ]);
  });

  it("stops at a signal during a listing", async () => {
    const stop = new AbortController();
    const silent = await between(aws, () => {
      setImmediate(() => stop.abort(new Error("enough")));
      return new Promise<undefined>(() => {});
    });
    const { store } = await openStore(silent, "s3://any-bucket");
    await expect(mirrorAll(store, { signal: stop.signal })).rejects.toThrow(/^enough$/);
  });

  it("rejects objects whose bytes were changed, in one or several parts", async () => {
    // The SDK checks them too, unless a profile or the environment disables it.
    for (const name of ["AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"]) {
      vi.stubEnv(name, "when_required");
    }
    onTestFinished(() => void vi.unstubAllEnvs());
    const uri = `s3://${await newBucket(aws, "flip")}`;
    const { store } = await openStore(aws, uri, { partBytes: PART });
    const small = "gc_usage_api_source/granularity=day/small.json";
    const large = "gc_usage_api_source/granularity=day/large.json";
    await store.replace(small, await fileOf("x".repeat(1000)), undefined);
    await store.replace(large, await fileOf(Buffer.alloc(PART + 1000, "parts of a whole ")), undefined);
    for (const path of [small, large]) {
      const object = await store.head(path);
      if (!object) throw new Error(`no ${path}`);
      let flips = 2;
      const meddled = await between(aws, ({ method }) =>
        method === "GET" && flips-- > 0 ? "flip" : undefined,
      );
      const other = await openStore(meddled, uri);
      const root = await other.store.fetchFiles([object]);
      expect((await stat(join(root, path))).size).toBe(object.bytes);
      flips = Number.POSITIVE_INFINITY;
      const never = await openStore(meddled, uri);
      await expect(never.store.fetchFiles([object])).rejects.toThrow(
        /the download was interrupted\. Checksum mismatch/,
      );
    }
  });

  it.each([["sql", EVERY_RAW_ROW, "--lake"], ["copy"]])(
    "stops at Ctrl-C, in gc-usage %s",
    async (...command) => {
      const uri = `s3://${await newBucket(aws, "ctrl-c")}`;
      const { store } = await openStore(aws, uri);
      await store.replace(PATH, await fileOf("x"), undefined);
      let asked = 0;
      const silent = await between(aws, ({ url = "" }) => {
        if (!url.includes(".json")) return undefined;
        asked++;
        return new Promise<undefined>(() => {});
      });
      const folder = await workFolder();
      const args = [BIN, ...command, uri, ...(command[0] === "copy" ? [join(folder, "to")] : [])];
      const env = { ...awsEnv(aws), AWS_ENDPOINT_URL: silent.url, GC_USAGE_CACHE: folder };
      const child = execa(process.execPath, args, { env, reject: false });
      await vi.waitFor(() => expect(asked).toBe(1), { timeout: 20_000 });
      const begun = performance.now();
      child.kill("SIGINT");
      expect(await child).toMatchObject({
        exitCode: 130,
        stderr: expect.stringMatching(/Interrupted\.$/) as unknown,
      });
      expect(performance.now() - begun).toBeLessThan(5000);
    },
  );

  it("reports immediately that this machine cannot store the file, and not a network error", async () => {
    const uri = `s3://${await newBucket(aws, "full")}`;
    const { store } = await openStore(aws, uri);
    await store.replace(PATH, await fileOf("x".repeat(100_000)), undefined);
    const under = ["-c", 'ulimit -f 8; exec "$@"', "sh", process.execPath];
    const env = { ...awsEnv(aws), GC_USAGE_CACHE: await workFolder() };
    const done = await execa("sh", [...under, BIN, "sql", EVERY_RAW_ROW, "--lake", uri], {
      env,
      reject: false,
    });
    expect(done).toMatchObject({ exitCode: 9, stdout: "" });
    expect(done.stderr).toMatch(
      /^error: Cannot mirror the lake in \/.*: EFBIG: file too large, write\.\nFree space/,
    );
  });
});
