import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import zlib, { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const ROW = '{"clientId":"c1","requests":3,"status200":3,"date":"2021-01-12T00:00:00Z"}';
const ANSWER = Buffer.from(`{"results":[${ROW}],"queryStatus":"Complete"}\n`);
/** The same response in a zstd frame with its checksum: Node.js 20 can neither write nor read zstd. */
const ZSTD = Buffer.from(
  "KLUv/SRyDQMAMkYVG3BrMwZVHhGZr5+LlYbxQeb6BWKepMOl6uMuIUdzbi5GYhEYHzRYtuVzaC7gHUEllA4ldWo8F1HulLZFVj8AXFezLck+p2RcEawiESuZMeC6q2mymQMEAlalOkYxocgg3d0=",
  "base64",
);
const READS_ZSTD = "createZstdDecompress" in zlib;

const rows = (input: Uint8Array | Readable) => gcUsage(["rows", "-"], { input });

describe.concurrent("compressed input is read:", () => {
  it.each([
    ["gzip", gzipSync(ANSWER), 1],
    ["gzip in several members", Buffer.concat([gzipSync(ANSWER), gzipSync(ANSWER)]), 2],
    ["gzip with a name and comment in its header", named(gzipSync(ANSWER)), 1],
    ["gzip of a bare row", gzipSync(`${ROW}\n`), 1],
  ])("%s", async (_name, content, count) => {
    expect(await rows(content)).toEqual({ exitCode: 0, stdout: `${ROW}\n`.repeat(count), stderr: "" });
  });

  it("byte by byte", async () => {
    const bytes = [...gzipSync(ANSWER)].map((byte) => Buffer.from([byte]));
    expect(await rows(Readable.from(bytes))).toEqual({ exitCode: 0, stdout: `${ROW}\n`, stderr: "" });
  });

  it("zstd, or rejected with a hint how to unpack it", async () => {
    const cwd = await workFolder();
    writeFileSync(join(cwd, "answer.json.zst"), ZSTD);
    const ran = await gcUsage(["rows", "answer.json.zst"], { cwd });
    if (READS_ZSTD) expect(ran).toEqual({ exitCode: 0, stdout: `${ROW}\n`, stderr: "" });
    else {
      expect(ran).toEqual({
        exitCode: 2,
        stdout: "",
        stderr:
          "error: Cannot read answer.json.zst: it is zstd data, not JSON or text.\n" +
          "Node.js 22.15 and later can read it directly. Unpack it first: zstd -d answer.json.zst\n",
      });
    }
    if (!READS_ZSTD) return;
    expect(await rows(Buffer.concat([ZSTD, ZSTD]))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/other data follows its zstd data/),
    });
    expect(await rows(ZSTD.subarray(0, -4))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/compressed with zstd, but its data is truncated/),
    });
  });

  it("by load, upload, submit and sql", async () => {
    const cwd = await workFolder();
    writeFileSync(join(cwd, "answer.json.gz"), gzipSync(ANSWER));
    writeFileSync(join(cwd, "query.json.gz"), gzipSync('{"interval":"2021-01/2021-02"}'));
    writeFileSync(join(cwd, "q.sql.gz"), gzipSync("SELECT 1 AS x"));
    const run = async (...args: string[]) => (await gcUsage(args, { cwd })).exitCode;
    const load = ["answer.json.gz", "--granularity", "day"];
    expect(await run("load", ...load, "--lake", "lake")).toBe(0);
    expect(await run("upload", ...load, "--lake", "other")).toBe(0);
    const sources = Object.entries(await tree(cwd)).filter(([path]) =>
      /gc_usage_api_source\/.*\.json$/.test(path),
    );
    const texts = sources.map(([, base64]) => Buffer.from(base64, "base64").toString());
    expect(texts).toEqual([`${ROW}\n`, `${ROW}\n`]);
    expect(await gcUsage(["submit", "-f", "query.json.gz", "--dry-run"], { cwd })).toMatchObject({
      exitCode: 0,
      stdout: '{"interval":"2021-01/2021-02"}\n',
    });
    expect(
      await gcUsage(["sql", "-f", "q.sql.gz", "--lake", "lake", "--output", "csv"], { cwd }),
    ).toMatchObject({
      stdout: "x\r\n1\r\n",
    });
  });
});

describe.concurrent("unreadable input is rejected:", () => {
  const gzip = gzipSync(ANSWER);
  it.each([
    ["truncated gzip", gzip.subarray(0, -4), /compressed with gzip, but its data is truncated/],
    [
      "gzip truncated in its second member",
      Buffer.concat([gzip, gzip.subarray(0, 12)]),
      /gzip, but its data is truncated/,
    ],
    ["only a gzip header", gzip.subarray(0, 10), /gzip, but its data is truncated/],
    ["damaged gzip", damaged(gzip), /compressed with gzip, but its data is damaged/],
    [
      "gzip followed by text",
      Buffer.concat([gzip, ANSWER]),
      /gzip, but its data is damaged \(incorrect header check\)/,
    ],
    ["gzip in gzip", gzipSync(gzip), /its gzip data contains gzip data/],
    ["tar in gzip", gzipSync(tar()), /its gzip data contains tar data/],
    ["tar", tar(), /it is tar data, not JSON or text\.\nUnpack it first: tar -xf FILE\n/],
    [
      "bzip2",
      Buffer.from("BZh91AY&SY"),
      /it is bzip2 data, not JSON or text\.\nUnpack it first: bzip2 -d FILE\n/,
    ],
    ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]), /it is xz data/],
    ["zip", Buffer.from("PK\u0003\u0004\u0014"), /it is zip data/],
    ["7-Zip", Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]), /it is 7-Zip data/],
    ["lz4", Buffer.from([4, 0x22, 0x4d, 0x18, 0x64]), /it is lz4 data/],
    ["zlib", zlib.deflateSync(ANSWER), /it is zlib \(deflate\) data/],
    ["UTF-16", Buffer.from(`\uFEFF${ANSWER.toString()}`, "utf16le"), /UTF-16/],
  ])("%s", async (_name, content, message) => {
    const ran = await rows(content);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toMatch(message);
  });

  it("an empty file in gzip", async () => {
    expect(await rows(gzipSync(""))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^error: Expected JSON, but got no data/),
    });
  });
});

/** With a file name and a comment, as `gzip` writes them. */
function named(content: Buffer): Buffer {
  const header = Buffer.from(content.subarray(0, 10));
  header[3] = 0x18;
  return Buffer.concat([header, Buffer.from("answer.json\0a comment\0"), content.subarray(10)]);
}

function damaged(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  copy[copy.length - 6] = (copy.at(-6) ?? 0) ^ 1;
  return copy;
}

/** The start of an archive. */
function tar(): Buffer {
  const header = Buffer.alloc(512);
  header.write("answer.json");
  header.write("ustar", 257);
  return header;
}
