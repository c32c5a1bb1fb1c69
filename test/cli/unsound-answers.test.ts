import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { daysAgo, daysOf, jobsRow, type Look, startUsageService } from "../helpers/usage-service.ts";

const ROW = jobsRow(daysAgo(2), "a", 1);

/** Finished responses without their rows. */
const WITHOUT_ROWS: [string, object][] = [
  ["nothing but the status", { queryStatus: "Succeeded" }],
  ["null", { queryStatus: "Succeeded", entities: null }],
  ["the rows under another name", { queryStatus: "Succeeded", items: [ROW] }],
  ["the legacy service's name", { queryStatus: "Succeeded", results: [] }],
  ["an object", { queryStatus: "Succeeded", entities: {} }],
  ["text", { queryStatus: "Succeeded", entities: "" }],
  ["false", { queryStatus: "Succeeded", entities: false }],
];

const sync = (cwd: string, env: Record<string, string>, ...more: string[]) =>
  gcUsage(["sync", "--last", "3d", "--group-by", "client,method", ...more], { cwd, env });

const count = async (cwd: string): Promise<string> =>
  (
    await gcUsage(["sql", "SELECT coalesce(sum(requests), 0) AS n FROM usage", "--output", "csv"], { cwd })
  ).stdout.trim();

describe.concurrent("a finished response that contains", () => {
  it.each(WITHOUT_ROWS)(
    "%s is a service error for sync on any page, and nothing is stored",
    async (_what, body) => {
      for (const page of [1, 2]) {
        const service = await startUsageService(({ look }) => ({
          body: look < page ? { queryStatus: "Succeeded", entities: [ROW], nextUri: "/x?after=2" } : body,
        }));
        const cwd = await workFolder();
        const ran = await sync(cwd, service.env);
        expect(ran).toMatchObject({ exitCode: 5, stdout: "" });
        expect(ran.stderr).toMatch(/cannot be right: the query is Succeeded|not a list of rows/);
        expect(existsSync(join(cwd, "usage-lake", "usage"))).toBe(false);
        expect(service.looks).toHaveLength(page);
      }
    },
  );

  it.each([WITHOUT_ROWS[0], WITHOUT_ROWS[3]] as [string, object][])(
    "%s is a service error for results",
    async (_what, body) => {
      const service = await startUsageService(() => ({ body }));
      const args = ["results", "query-1", "--service", "jobs", "--wait", "--ndjson"];
      const ran = await gcUsage(args, { env: service.env, cwd: await workFolder() });
      expect(ran).toMatchObject({ exitCode: 5, stdout: "" });
      expect(ran.stderr).toContain('has no list "entities"');
    },
  );

  it.each(WITHOUT_ROWS)(
    "%s is bad input for rows, load and upload, and nothing is stored",
    async (_what, body) => {
      const cwd = await workFolder();
      await writeFile(join(cwd, "answer.json"), JSON.stringify(body));
      const load = [
        "load",
        "answer.json",
        "--granularity",
        "day",
        "--interval",
        `${daysAgo(3)}/${daysAgo(2)}`,
      ];
      for (const args of [
        ["rows", "answer.json"],
        [...load, "--service", "jobs", "--group-by", "client"],
        ["upload", "answer.json", "--granularity", "day"],
      ]) {
        expect(await gcUsage(args, { cwd }), args[0]).toMatchObject({ exitCode: 2, stdout: "" });
      }
      expect(existsSync(join(cwd, "usage-lake"))).toBe(false);
    },
  );

  it("an empty list means days without requests", async () => {
    const service = await startUsageService(() => ({ body: { queryStatus: "Succeeded", entities: [] } }));
    const cwd = await workFolder();
    expect(await sync(cwd, service.env)).toMatchObject({ exitCode: 0 });
    const listed = await gcUsage(["status", "--json"], { cwd });
    expect(JSON.parse(listed.stdout)).toMatchObject({ series: [{ slices: 3, rows: 0 }] });
  });
});

describe.concurrent("rows that vanish", () => {
  /** Returns rows at first; `later` responds to subsequent queries. */
  async function lakeWithRows(later: (look: Look) => unknown[], keepSource = false) {
    let isLater = false;
    const service = await startUsageService((look) => ({
      body: {
        queryStatus: "Succeeded",
        entities: isLater ? later(look) : daysOf(look).map((day) => jobsRow(day, "a", 10)),
      },
    }));
    const cwd = await workFolder();
    const raw = keepSource ? ["--keep-source"] : [];
    expect(await sync(cwd, service.env, ...raw)).toMatchObject({ exitCode: 0 });
    expect(await count(cwd)).toBe("n\r\n30");
    isLater = true;
    return {
      service,
      cwd,
      again: (...more: string[]) => sync(cwd, service.env, "--recheck", "0", ...raw, ...more),
    };
  }

  it("are queried again, kept, and cause exit code 8 unless forced", async () => {
    const gone = daysAgo(2);
    const { service, cwd, again } = await lakeWithRows(
      (look) =>
        daysOf(look)
          .filter((day) => day !== gone)
          .map((day) => jobsRow(day, "a", 11)),
      true,
    );
    const ran = await again();
    expect(ran).toMatchObject({ exitCode: 8, stdout: "" });
    expect(ran.stderr).toContain(
      `no rows for ${gone}, on retry too, but the lake has rows. They were left unchanged.`,
    );
    expect(ran.stderr).toContain(`--force --refetch --from ${gone} --to ${gone}`);
    expect(await count(cwd)).toBe("n\r\n32");
    expect(service.submitted.map(({ interval }) => interval).slice(1)).toEqual([
      `${daysAgo(3)}/${daysAgo(1)}`,
      `${gone}/${gone}`,
    ]);
    const raw = await gcUsage(
      ["sql", "SELECT sum(requestCount) AS n FROM gc_usage_api_source", "--output", "csv"],
      { cwd },
    );
    expect(raw.stdout).toBe("n\r\n32\r\n");
    expect(await again("--force")).toMatchObject({ exitCode: 0 });
    expect(await count(cwd)).toBe("n\r\n22");
  });

  it("are replaced by the second response if it has rows again", async () => {
    const { service, cwd, again } = await lakeWithRows((look) =>
      look.query === 2 ? [] : daysOf(look).map((day) => jobsRow(day, "a", 12)),
    );
    const ran = await again("--json");
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ written: 3, kept: [] });
    expect(service.submitted).toHaveLength(3);
    expect(await count(cwd)).toBe("n\r\n36");
  });

  it("are also reported in the JSON summary", async () => {
    const { again } = await lakeWithRows(() => []);
    const ran = await again("--json");
    expect(ran.exitCode).toBe(8);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      written: 0,
      kept: Array.from({ length: 3 }, () => ({ why: "it has no rows, but the stored slice has 1 row" })),
    });
    expect(JSON.parse(ran.stderr.split("\n").findLast((line) => line.startsWith("{")) ?? "")).toMatchObject({
      error: { exitCode: 8 },
    });
  });

  it("are not replaced by load or copy unless forced", async () => {
    const { cwd } = await lakeWithRows(() => []);
    const day = daysAgo(2);
    await writeFile(join(cwd, "empty.json"), '{"entities":[],"queryStatus":"Succeeded"}');
    const load = ["load", "empty.json", "--granularity", "day", "--interval", `${day}/${day}`];
    const flags = ["--service", "jobs", "--group-by", "client,method"];
    const refused = await gcUsage([...load, ...flags], { cwd });
    expect(refused).toMatchObject({ exitCode: 8, stdout: "" });
    expect(refused.stderr).toContain("it has no rows, but the stored slice has 1 row");
    expect(await gcUsage([...load, ...flags, "--lake", "other"], { cwd })).toMatchObject({ exitCode: 0 });
    const copied = await gcUsage(["copy", "other", "usage-lake"], { cwd });
    expect(copied.stderr).toContain("it has no rows, but the stored slice has 1 row");
    expect(await count(cwd)).toBe("n\r\n30");
    expect(await gcUsage(["copy", "other", "usage-lake", "--force"], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await count(cwd)).toBe("n\r\n20");
  });
});

describe.concurrent("pages that", () => {
  const PAGES = [[jobsRow(daysAgo(3), "a", 1), jobsRow(daysAgo(3), "b", 2)], [jobsRow(daysAgo(2), "a", 3)]];
  const page = (rows: unknown[], next?: string): object => ({
    queryStatus: "Succeeded",
    entities: rows,
    ...(next === undefined ? {} : { nextUri: `/x?after=${next}` }),
  });

  const CASES: [string, (look: Look) => object, RegExp][] = [
    [
      "repeat each other",
      ({ look }) => page(PAGES[0] ?? [], look < 3 ? `${look}` : undefined),
      /page 2 has the same rows as page 1/,
    ],
    [
      "repeat each other's rows in a different order",
      ({ look }) => (look === 1 ? page(PAGES[0] ?? [], "1") : page([...(PAGES[0] ?? [])].reverse())),
      /2 rows of .* with the same client-method as another row/,
    ],
    [
      "contain a row of an earlier page",
      ({ look }) =>
        look === 1 ? page(PAGES[0] ?? [], "1") : page([...(PAGES[1] ?? []), jobsRow(daysAgo(3), "a", 7)]),
      /1 row of .* with the same/,
    ],
    [
      "form a loop",
      ({ look }) => page([jobsRow(daysAgo(2), `c${look}`, look)], look % 2 ? "a" : "b"),
      /points back to a page that was already read/,
    ],
    ["are empty without end", ({ look }) => page([], `${look}`), /pages in a row are empty/],
  ];
  it.each(CASES)("%s are rejected, and nothing is stored", async (_what, answer, why) => {
    const service = await startUsageService((look) => ({ body: answer(look) }));
    const cwd = await workFolder();
    const ran = await sync(cwd, service.env);
    expect(ran).toMatchObject({ exitCode: 5, stdout: "" });
    expect(ran.stderr).toMatch(why);
    expect(existsSync(join(cwd, "usage-lake", "usage"))).toBe(false);
    // Inconsistent responses are not resumed: the next run submits a new query.
    const { submitted } = service;
    expect(submitted).toHaveLength(1);
    await sync(cwd, service.env);
    expect(submitted).toHaveLength(2);
  });

  it("repeat each other are also an error for results", async () => {
    const service = await startUsageService((look) => ({ body: CASES[0]?.[1](look) }));
    const ran = await gcUsage(["results", "query-1", "--service", "jobs", "--ndjson"], { env: service.env });
    expect(ran.exitCode).toBe(5);
    expect(ran.stderr).toContain("discard any that were printed");
  });

  it("are too large are requested again with half the rows, from the same cursor, and so are later pages", async () => {
    const rows = Array.from({ length: 600 }, (_, i) => jobsRow(daysAgo(2), `c${i}`, 1));
    for (const status of [400, 500]) {
      const service = await startUsageService(({ after = "0", pageSize }) => {
        const from = Number(after);
        if (pageSize > 250 && from > 0) {
          const code = "max.response.size.reached";
          return { status, body: { code, status, message: "The response is too large." } };
        }
        const size = Math.min(pageSize, from === 0 ? 100 : pageSize);
        const to = Math.min(from + size, rows.length);
        return { body: page(rows.slice(from, to), to < rows.length ? `${to}` : undefined) };
      });
      const cwd = await workFolder();
      expect(await sync(cwd, service.env)).toMatchObject({ exitCode: 0 });
      expect(await count(cwd)).toBe("n\r\n600");
      expect(service.looks.map(({ after, pageSize }) => [after, pageSize])).toEqual([
        [undefined, 1000],
        ["100", 1000],
        ["100", 500],
        ["100", 250],
        ["350", 250],
      ]);
    }
  });

  it("are too large even with a single row cause a clear error", async () => {
    const service = await startUsageService(() => ({
      status: 400,
      body: { code: "max.response.size.reached", message: "The response is too large." },
    }));
    const ran = await sync(await workFolder(), service.env);
    expect(ran).toMatchObject({ exitCode: 5, stdout: "" });
    expect(ran.stderr).toContain("The response is too large.");
    expect(service.looks.map(({ pageSize }) => pageSize)).toEqual([1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]);
  });

  it("have HTTP status 202 are read according to their query status", async () => {
    const service = await startUsageService(({ query, look }) => {
      if (look < 3) return { status: 202, body: { queryStatus: look === 1 ? "Queued" : "Running" } };
      if (query === 1)
        return { status: 202, body: { queryStatus: "Failed", errorBody: { message: "no luck" } } };
      return { body: page(PAGES[0] ?? []) };
    });
    const cwd = await workFolder();
    expect(await sync(cwd, service.env)).toMatchObject({ exitCode: 0 });
    expect(await count(cwd)).toBe("n\r\n3");
    expect(service.submitted).toHaveLength(2);
  });
});
