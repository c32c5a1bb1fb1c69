import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const ROW = {
  clientId: "c1",
  clientName: "Nightly",
  organizationId: "",
  userId: "",
  templateUri: "",
  httpMethod: "",
  status200: 3,
  status300: 0,
  status400: 0,
  status500: 0,
  status429: 0,
  requests: 3,
  date: "2021-01-12T00:00:00Z",
};
const answer = (change: object = {}, ...more: object[]): string =>
  JSON.stringify([{ ...ROW, ...change }, ...more]);
const DAY = ["--granularity", "day"];

/** Rejected files: the content, the options, the exit code, the start of the message. */
const REFUSED: [
  what: string,
  content: string | Buffer,
  options: string[],
  exitCode: number,
  message: RegExp,
][] = [
  ["an empty file", "", DAY, 2, /^error: Expected JSON, but got no data/],
  [
    "months given as days",
    answer({ date: "2021-01-01" }, { ...ROW, date: "2021-02-01" }, { ...ROW, date: "2021-03-01" }),
    DAY,
    8,
    /^error: in has 3 dates, each the first of a month: it looks like an answer by month, not by day\.\nUse --granularity month, or --force/,
  ],
  [
    "weeks given as days",
    answer({ date: "2021-01-04" }, { ...ROW, date: "2021-01-11" }, { ...ROW, date: "2021-01-18" }),
    DAY,
    8,
    /each the first of a week: it looks like an answer by week/,
  ],
  ["a file of whitespace", " \n\n", DAY, 2, /^error: Expected JSON, but got no data/],
  [
    "a cut file",
    answer().slice(0, -20),
    DAY,
    2,
    /^error: The JSON is truncated: it ends at byte \d+, inside row 1/,
  ],
  ["a file cut between rows", `{"results":[${JSON.stringify(ROW)},`, DAY, 2, /^error: The JSON is truncated/],
  ["HTML", "<!DOCTYPE html><html></html>", DAY, 2, /^error: This is HTML or XML, not JSON/],
  [
    "a running query's answer",
    '{"queryStatus":"Running"}',
    DAY,
    7,
    /^error: in is the response of a query that is still Running/,
  ],
  [
    "a queued job's answer",
    '{"queryStatus":"Queued","selfUri":"/x"}',
    DAY,
    7,
    /that is still Queued: it has no results yet/,
  ],
  [
    "a failed query's answer",
    '{"queryStatus":"Failed"}',
    DAY,
    6,
    /^error: in is the response of a query that ended with status Failed/,
  ],
  [
    "a canceled job's response",
    '{"entities":[],"queryStatus":"Cancelled"}',
    DAY,
    6,
    /ended with status Cancelled/,
  ],
  ["an unknown status", '{"results":[],"queryStatus":"Odd"}', DAY, 5, /unknown status "Odd"/],
  [
    "a status that is a large number",
    '{"results":[],"queryStatus":12345678901234567890}',
    DAY,
    2,
    /unknown queryStatus 12345678901234567890/,
  ],
  [
    "an empty array",
    "[]",
    DAY,
    2,
    /^error: in is an empty list, so it is unclear whether the query has completed/,
  ],
  [
    "an empty array, with the query given",
    "[]",
    [...DAY, "--service", "jobs", "--group-by", "client", "--interval", "2021-01-01/2021-01-02"],
    2,
    /is an empty list/,
  ],
  [
    "a finished response without rows or service",
    '{"results":[],"queryStatus":"Complete"}',
    DAY,
    2,
    /has no rows, so its service is unclear/,
  ],
  ["an array of numbers", "[1,2]", DAY, 2, /^error: This is not a response of the usage API/],
  ["an array of text", '["a"]', DAY, 2, /^error: This is not a response of the usage API/],
  ["an array of arrays", "[[1]]", DAY, 2, /^error: This is not a response of the usage API/],
  [
    "an array of other objects",
    '[{"a":1}]',
    DAY,
    2,
    /^error: Row 1 is not a usage row: it has none of the metrics/,
  ],
  ["an error's body", '{"message":"no","code":"not.found","status":404}', DAY, 2, /none of the metrics/],
  ["results that are not a list", '{"results":{"a":1}}', DAY, 2, /not a list of rows/],
  [
    "a page of several",
    `{"entities":[{"requestCount":1,"date":"2021-01-01"}],"nextUri":"/x?after=b"}`,
    DAY,
    2,
    /is not complete: its nextUri points to another page/,
  ],
  ["two answers", `${answer()}${answer()}`, DAY, 2, /contains 2 answers/],
  [
    "a negative count",
    answer({}, { ...ROW, status200: -1 }),
    DAY,
    2,
    /^error: Row 2 is not a usage row: status200 is -1/,
  ],
  ["a count as a word", answer({ status200: "three" }), DAY, 2, /status200 is "three" \(expected an integer/],
  ["a count as text", answer({ status200: "3" }), DAY, 2, /status200 is "3"/],
  ["a broken count", answer({ status200: 1.5 }), DAY, 2, /status200 is 1.5/],
  [
    "a count that is too large",
    answer().replace('"requests":3', '"requests":9223372036854775808'),
    DAY,
    2,
    /requests is 9223372036854775808/,
  ],
  ["an invalid date", answer({ date: "2021-02-30" }), DAY, 2, /invalid date "2021-02-30"/],
  ["no date", answer({ date: undefined }), DAY, 2, /^error: Row 1 does not match the query: it has no date/],
  [
    "a date in a total",
    answer(),
    ["--granularity", "total", "--interval", "2021-01/2021-02"],
    2,
    /a total has no dates/,
  ],
  [
    "a day in the future",
    answer({ date: "9998-01-01" }),
    DAY,
    2,
    /No data was available yet|not available yet|is outside/,
  ],
  [
    "a day outside the interval",
    answer(),
    [...DAY, "--interval", "2021-02/2021-03"],
    2,
    /its date 2021-01-12 is outside 2021-02-01\/2021-03-01/,
  ],
  [
    "both services' rows",
    answer({}, { requestCount: 1, date: "2021-01-12", platform: "" }),
    DAY,
    2,
    /has rows of both services/,
  ],
  [
    "the other service's rows",
    answer(),
    [...DAY, "--service", "jobs"],
    2,
    /has rows of the legacy service, not of jobs/,
  ],
  [
    "rows of an unknown service",
    '[{"status429":1,"templateUri":"/x","date":"2021-01-12"}]',
    DAY,
    2,
    /only fields that both services have/,
  ],
  [
    "a coarser grouping than that of the rows",
    answer({ userId: "u" }),
    [...DAY, "--group-by", "client"],
    2,
    /it has a user, but the grouping is client/,
  ],
  [
    "a grouping that the service does not have",
    answer(),
    [...DAY, "--group-by", "client,platform"],
    2,
    /legacy service cannot group by platform/,
  ],
  [
    "rows that repeat",
    answer({}, ROW),
    DAY,
    8,
    /^error: 1 row of 2021-01-12 with the same client as another row/,
  ],
  ["UTF-16", Buffer.from(`\uFEFF${answer()}`, "utf16le"), DAY, 2, /^error: This is UTF-16 text/],
  ["UTF-16 without a mark", Buffer.from(answer(), "utf16le"), DAY, 2, /^error: /],
  [
    "bytes that are not UTF-8",
    Buffer.concat([
      Buffer.from('[{"clientId":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('","requests":1}]'),
    ]),
    DAY,
    2,
    /not valid UTF-8/,
  ],
];

/** Invalid command lines. */
const MISUSED: [what: string, args: string[], exitCode: number, message: RegExp][] = [
  ["a reversed interval", ["in", ...DAY, "--interval", "2021-02/2021-01"], 2, /it ends before it starts/],
  [
    "an impossible interval",
    ["in", ...DAY, "--interval", "2021-02-30/2021-03-01"],
    2,
    /"2021-02-30" is not a valid ISO 8601 date/,
  ],
  ["an unknown grouping", ["in", ...DAY, "--group-by", "clients"], 2, /Unknown grouping "clients"/],
  ["an unknown granularity", ["in", "--granularity", "hour"], 2, /Invalid --granularity: "hour"/],
  ["no granularity", ["in"], 2, /required option '--granularity <name>' not specified/],
  ["an unknown metric", ["in", ...DAY, "--metrics", "status600"], 2, /Unknown metric "status600"/],
  ["an unknown service", ["in", ...DAY, "--service", "both"], 2, /Invalid --service: "both"/],
  ["an unknown flag", ["in", ...DAY, "--nope"], 2, /unknown option '--nope'/],
  ["an unknown week start", ["in", ...DAY, "--week-start", "friday"], 2, /Invalid --week-start: "friday"/],
  [
    "a path instead of an id",
    ["in", ...DAY, "--id", "../../etc/passwd"],
    2,
    /Invalid execution or job id: .* looks like a path/,
  ],
  ["a missing file", ["none", ...DAY], 2, /Cannot read none: no such file or folder/],
  ["a folder instead of a file", [".", ...DAY], 2, /Cannot read \.: it is a folder/],
  ["no file", DAY, 2, /missing required argument 'file'/],
  ["two files", ["in", "in", ...DAY], 2, /too many arguments/],
];

async function folderWith(content: string | Buffer): Promise<string> {
  const cwd = await workFolder();
  await writeFile(join(cwd, "in"), content);
  return cwd;
}

describe.concurrent("load rejects without changing anything", () => {
  it.each(REFUSED)("%s", async (_what, content, options, exitCode, message) => {
    const cwd = await folderWith(content);
    const before = await tree(cwd);
    const ran = await gcUsage(["load", "in", ...options, "--lake", "deep/lake"], { cwd });
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).not.toMatch(/bug in gc-usage/);
    expect(await tree(cwd)).toEqual(before);
  });

  it.each(MISUSED)("%s", async (_what, args, exitCode, message) => {
    const cwd = await folderWith(answer());
    const before = await tree(cwd);
    const ran = await gcUsage(["load", ...args, "--lake", "lake"], { cwd });
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expect(await tree(cwd)).toEqual(before);
  });
});

describe("load", () => {
  it("leaves an existing lake unchanged if it rejects rows, and reports errors as text and JSON", async () => {
    const cwd = await folderWith(answer());
    expect(await gcUsage(["load", "in", ...DAY, "--id", "one"], { cwd })).toMatchObject({ exitCode: 0 });
    const before = await tree(cwd);

    // The same rows again are accepted. Rows under another file's id, with fewer metrics, or of an older response are
    // rejected.
    expect(await gcUsage(["load", "in", ...DAY, "--id", "one"], { cwd })).toMatchObject({ exitCode: 0 });
    await writeFile(join(cwd, "other"), answer({ status200: 4 }));
    const other = await gcUsage(["load", "other", ...DAY, "--id", "one"], { cwd });
    expect(other).toMatchObject({ exitCode: 8 });
    expect(other.stderr).toMatch(
      /The lake already has other rows under gc_usage_api_source\/granularity=day\/one.json/,
    );
    const fewer = await gcUsage(["load", "other", ...DAY, "--metrics", "status200", "--json"], { cwd });
    expect(fewer).toMatchObject({ exitCode: 8, stdout: "" });
    expect(JSON.parse(fewer.stderr)).toMatchObject({
      error: {
        kind: "refused",
        exitCode: 8,
        slices: [{ date: "2021-01-12", why: expect.stringMatching(/^it does not have status300/) as string }],
      },
    });
    const then = new Date(Date.now() - 86_400_000);
    await utimes(join(cwd, "other"), then, then);
    expect((await gcUsage(["load", "other", ...DAY], { cwd })).stderr).toMatch(
      /This answer covers less of 2021-01-12 than the lake: it was fetched/,
    );
    const { other: _other, ...after } = await tree(cwd);
    expect(after).toEqual(before);

    expect(await gcUsage(["load", "other", ...DAY, "--force"], { cwd })).toMatchObject({ exitCode: 0 });
  });

  it("reads standard input, uses the lake of the environment, and prints nothing with --quiet", async () => {
    const cwd = await workFolder();
    const ran = await gcUsage(["load", "-", ...DAY, "-q"], {
      cwd,
      input: answer(),
      env: { GC_USAGE_LAKE: "elsewhere" },
    });
    expect(ran).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(Object.keys(await tree(join(cwd, "elsewhere")))).toContain(
      "usage/granularity=day/date=2021-01-12/legacy.client.parquet",
    );
  });

  it("stores a response without rows if its query is given", async () => {
    const cwd = await folderWith('{"results":[],"queryStatus":"Complete"}');
    const ran = await gcUsage(
      [
        "load",
        "in",
        ...DAY,
        "--service",
        "legacy",
        "--group-by",
        "client",
        "--interval",
        "2021-01-01/2021-01-02",
        "--json",
      ],
      { cwd },
    );
    expect(ran.stderr).toBe("");
    expect(JSON.parse(ran.stdout)).toMatchObject({
      rows: 0,
      written: [expect.stringMatching("01-01") as string, expect.stringMatching("01-02") as string],
    });
  });

  it("rejects a file instead of a lake, and an unknown scheme", async () => {
    const cwd = await folderWith(answer());
    expect(await gcUsage(["load", "in", ...DAY, "--lake", "in"], { cwd })).toMatchObject({ exitCode: 9 });
    expect(await gcUsage(["load", "in", ...DAY, "--lake", "gs://bucket"], { cwd })).toMatchObject({
      exitCode: 2,
    });
    expect(Object.keys(await tree(cwd))).toEqual(["in"]);
  });

  it("keeps other files in the lake's folder", async () => {
    const cwd = await folderWith("[]");
    await mkdir(join(cwd, "lake"));
    await gcUsage(["load", "in", ...DAY, "--lake", "lake"], { cwd });
    expect(Object.keys(await tree(cwd))).toEqual(["in", "lake/"]);
  });
});
