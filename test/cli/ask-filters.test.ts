import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const DAYS = ["2026-10-01", "2026-10-02", "2026-10-03", "2026-10-04"];
const USERS = "/api/v2/users";
const USER = "/api/v2/users/{userId}";
/** Two clients have the same name, one was renamed, and one has a quote in its id. */
const ROWS = [
  {
    clientId: "a1",
    clientName: "Dialer",
    templateUri: USERS,
    httpMethod: "GET",
    requests: 1n,
    status429: 1n,
  },
  { clientId: "a1", clientName: "Dialer", templateUri: USER, httpMethod: "PUT", requests: 2n, status429: 0n },
  {
    clientId: "a2",
    clientName: "Portal",
    templateUri: USERS,
    httpMethod: "GET",
    requests: 4n,
    status429: 2n,
  },
  { clientId: "a3", clientName: "Portal", templateUri: USER, httpMethod: "GET", requests: 8n, status429: 0n },
  {
    clientId: "it's",
    clientName: "Dialer FROM usage",
    templateUri: USERS,
    httpMethod: "POST",
    requests: 16n,
    status429: 4n,
  },
  { clientId: null, clientName: null, templateUri: USERS, httpMethod: "GET", requests: 32n, status429: 0n },
];
const MANY = Array.from({ length: 12 }, (_, i) => ({
  clientId: `b${i}`,
  clientName: `Batch ${i}`,
  templateUri: "/api/v2/batch",
  httpMethod: "DELETE",
  requests: 64n,
  status429: 0n,
}));
let lake: string;
let lakes: string;

beforeAll(async () => {
  lake = await makeLake(
    DAYS.map((day, n) =>
      slice(day, [
        ...ROWS.map((row) => ({
          ...row,
          clientName: n === 0 && row.clientId === "a1" ? "Old name" : row.clientName,
        })),
        ...(n < 2 ? [] : MANY),
      ]),
    ),
  );
  lakes = await workFolder();
  const acme = await makeLake(
    DAYS.map((day) => slice(day, ROWS.slice(0, 2))),
    lakes,
  );
  const globex = await makeLake(
    DAYS.map((day) => slice(day, [{ ...ROWS[2], clientId: "z9", clientName: "DIALER", requests: 5n }])),
    lakes,
  );
  mkdirSync(join(lakes, "all"));
  renameSync(acme, join(lakes, "all/acme"));
  renameSync(globex, join(lakes, "all/globex"));
});

const PERIOD = ["--month", "2026-10", "--allow-partial"];
const ask = (question: string, ...args: string[]) =>
  gcUsage(["ask", question, ...PERIOD, "--lake", lake, "--output", "csv", ...args]);
const linesOf = ({ stdout }: { stdout: string }) => stdout.trim().split("\r\n").slice(1);

describe.concurrent("filters of ask", () => {
  test.each([
    ["an id", ["--client", "a1"], ["a1,Dialer,12,100,4,4"]],
    ["a name in any case", ["--client", "dialer"], ["a1,Dialer,12,100,4,4"]],
    ["a name that the client had before", ["--client", "old NAME"], ["a1,Dialer,12,100,4,4"]],
    ["an unambiguous part of a name", ["--client", "from"], ["it's,Dialer FROM usage,64,100,16,4"]],
    [
      "any of several values",
      ["--client", "a2", "--client", "a3"],
      ["a3,Portal,32,66.67,0,4", "a2,Portal,16,33.33,8,4"],
    ],
    [
      "a whole endpoint before a part of one",
      ["--endpoint", "/api/v2/USERS", "--client", "a1"],
      ["a1,Dialer,4,100,4,4"],
    ],
    ["a part of an endpoint", ["--endpoint", "{user", "--client", "a1"], ["a1,Dialer,8,100,0,4"]],
    ["an endpoint with its method", ["--endpoint", "put /api/v2/users/{userId}"], ["a1,Dialer,8,100,0,4"]],
    ["a method", ["--method", "put"], ["a1,Dialer,8,100,0,4"]],
    ["values that never occur together", ["--method", "PUT", "--client", "a2"], []],
  ])("accept %s", async (_what, args, expected) => {
    const ran = await ask("busy-clients", ...args);
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(linesOf(ran)).toEqual(expected);
  });

  test("are stated on standard error, in the SQL and in JSON", async () => {
    const args = ["--client", "dialer", "--endpoint", `GET ${USERS}`];
    const { stderr } = await ask("hot-spots", ...args);
    expect(stderr).toContain(
      "Hot spots, 2026-10-01 to 2026-10-31, only client Dialer (a1) and endpoint GET /api/v2/users (jobs, client-uri-method)",
    );
    const { stdout: sql } = await ask("hot-spots", ...args, "--print-sql");
    expect(sql).toContain(
      `WITH usage AS (SELECT * FROM usage WHERE clientId = 'a1' AND templateUri = '${USERS}' AND httpMethod = 'GET')`,
    );
    const run = await gcUsage(["sql", sql, "--lake", lake, "--output", "csv"]);
    expect(linesOf(run)).toEqual(linesOf(await ask("hot-spots", ...args)));
    const { stdout } = await gcUsage(["ask", "hot-spots", ...PERIOD, "--lake", lake, "--json", ...args]);
    expect(JSON.parse(stdout)).toMatchObject({
      filters: [
        { dimension: "client", value: "a1", name: "Dialer" },
        { dimension: "uri", value: USERS, name: null, method: "GET" },
      ],
    });
    const all = await gcUsage(["ask", "hot-spots", ...PERIOD, "--lake", lake, "--json"]);
    expect(JSON.parse(all.stdout)).toMatchObject({ filters: [] });
  });

  test("apply to every question, also to both periods of a comparison", async () => {
    const days = ["--from", "2026-10-03", "--to", "2026-10-04"];
    const asked = async (question: string, ...args: string[]) =>
      linesOf(await gcUsage(["ask", question, ...days, "--lake", lake, "--output", "csv", ...args]));
    expect(await asked("change", "--client", "dialer")).toEqual(["a1,Dialer,6,6,0,0"]);
    expect(await asked("new-clients", "--client", "batch 3")).toEqual(["b3,Batch 3,2026-10-03,128,0"]);
    expect(await asked("new-clients", "--client", "a1")).toEqual([]);
    expect(await asked("silent-clients", "--client", "a1")).toEqual([]);
    expect(await asked("noisy-endpoints", "--client", "it's")).toEqual([`POST,${USERS},8,32,25,2`]);
    expect(await asked("requests-by-day", "--client", "a1")).toEqual([
      "2026-10-03,3,,,,,1",
      "2026-10-04,3,,,,,1",
    ]);
  });

  test.each([
    [
      "an ambiguous name",
      ["--client", "portal"],
      '--client "portal" matches 2 clients, but must match one.\nUse one of these:\n  --client a2  Portal\n  --client a3  Portal\n',
    ],
    [
      "a part of many names, of which ten are listed",
      ["--client", "batch"],
      "--client b5  Batch 5\n  --client b6  Batch 6\n  --client b7  Batch 7\nand 2 more",
    ],
    [
      "a typo",
      ["--client", "Portall"],
      '--client "Portall" was not found in 2026-10-01 to 2026-10-31.\nDid you mean --client Portal?',
    ],
    [
      "an unknown method",
      ["--method", "trace"],
      "Use one of these:\n  --method DELETE\n  --method GET\n  --method POST\n  --method PUT",
    ],
    [
      "a part of several endpoints, listed with the method that was given",
      ["--endpoint", "get /api/v2/user"],
      "--endpoint 'GET /api/v2/users/{userId}'",
    ],
    ["a method that an endpoint is not called with", ["--endpoint", `DELETE ${USERS}`], "was not found"],
    ["an empty value", ["--client", " "], "--client is empty."],
  ])("refuse %s", async (_what, args, message) => {
    const ran = await ask("busy-clients", ...args);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  test("narrow the tables of sql, through WITH, joins and aliases", async () => {
    const sql = (statement: string, ...args: string[]) =>
      gcUsage(["sql", statement, "--lake", lake, "--output", "csv", ...args]);
    const rows = async (statement: string) => {
      const ran = await sql(statement, "--client", "dialer", "--method", "get");
      expect(ran.stderr).toBe("Only client Dialer (a1) and method GET.\n");
      return linesOf(ran);
    };
    expect(await rows("SELECT sum(requests) FROM daily")).toEqual(["4"]);
    expect(await rows("/* WITH */ WITH d AS (SELECT * FROM Daily) SELECT sum(d.requests) FROM d")).toEqual([
      "4",
    ]);
    expect(await rows('(SELECT count(*) FROM daily AS x JOIN "daily" USING (date))')).toEqual(["4"]);
    expect(await rows("FROM daily SELECT count(*)")).toEqual(["4"]);
    const sums = await sql("SELECT sum(requests) FROM usage", "--client", "a2");
    expect(linesOf(sums)).toEqual(["16"]);
    const json = await gcUsage(["sql", "SELECT 1 FROM daily", "--lake", lake, "--json", "--client", "a2"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      tables: ["daily"],
      filters: [{ dimension: "client", value: "a2", name: "Portal" }],
    });
    const each = "SELECT organization, sum(requests) FROM daily GROUP BY 1 ORDER BY 1";
    const several = ["--lake", join(lakes, "all"), "--client", "dialer", "--output", "csv"];
    const all = await gcUsage(["sql", each, ...several]);
    expect(linesOf(all)).toEqual(["acme,12", "globex,20"]);
  });

  test.each([
    ["SELECT 1", "it does not read usage or daily"],
    ["SELECT * FROM slices", "it does not read usage or daily"],
    ["SELECT count(*) FROM genesysclouddb.daily", "it names daily with its database, so write only daily"],
    [
      "WITH daily AS (SELECT * FROM daily) SELECT count(*) FROM daily",
      "its WITH defines a query of the name daily, so use another name",
    ],
    ["WITH RECURSIVE t AS (SELECT 1) SELECT * FROM t, daily", "it does not apply to WITH RECURSIVE"],
    ["DESCRIBE daily", "it applies only to a SELECT"],
  ])("refuse to narrow %s", async (statement, why) => {
    const ran = await gcUsage(["sql", statement, "--lake", lake, "--client", "a1"]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(
      `--client cannot narrow the statement: ${why}.\nWrite the condition in the statement itself: WHERE clientId = 'a1'`,
    );
  });

  test("refuse to read daily for a dimension that it is not split by", async () => {
    const ran = await gcUsage(["sql", "SELECT 1 FROM daily", "--lake", lake, "--user", "u1"]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(
      "--user cannot narrow daily: its rows are split only by client, uri and method.",
    );
  });

  test("need rows that are split by the dimension", async () => {
    const ran = await ask("busy-clients", "--user", "u1");
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain(
      "The lake has no days split by client and user, which busy-clients needs with these filters.",
    );
    expect(ran.stderr).toContain(`gc-usage sync --group-by client,user,uri,method --lake ${lake}`);
    const narrow = await ask("busy-clients", "--user", "u1", "--group-by", "client,method");
    expect(narrow.stderr).toContain("gc-usage sync --group-by client,user,method");
  });

  test("mean the client of that name in each of several organizations", async () => {
    const several = ["ask", "busy-clients", ...PERIOD, "--lake", join(lakes, "all"), "--output", "csv"];
    const ran = await gcUsage([...several, "--client", "dialer"]);
    expect(linesOf(ran)).toEqual(["acme,a1,Dialer,12,100,4,4", "globex,z9,DIALER,20,100,8,4"]);
    expect(linesOf(await gcUsage([...several, "--client", "z9"]))).toEqual(["globex,z9,DIALER,20,100,8,4"]);
    const printed = await gcUsage([...several, "--client", "dialer", "--print-sql"]);
    expect(printed.stdout).toContain(
      "-- acme\nWITH usage AS (SELECT * FROM usage WHERE organization = 'acme' AND clientId = 'a1')",
    );
  });
});
