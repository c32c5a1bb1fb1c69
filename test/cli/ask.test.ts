import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { listText } from "../../src/cli/question-list.ts";
import { list } from "../../src/questions/questions.ts";
import { addDays, type Day, dayOf } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const COLORS = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");
const LAST = "2026-09-30" as Day;
const COUNTS = { requests: 1n, status200: 1n, status300: 0n, status400: 0n, status500: 0n, status429: 0n };
let lake: string;
let empty: string;

beforeAll(async () => {
  const days = Array.from({ length: 60 }, (_, i) => addDays(LAST, -i)).filter((day) => day !== "2026-09-15");
  lake = await makeLake([
    ...days.map((day) =>
      slice(day, [
        {
          clientId: "a",
          clientName: "Alpha",
          templateUri: "/x",
          httpMethod: "GET",
          requests: 100n,
          status429: 2n,
          status400: 5n,
          status500: 0n,
        },
        {
          clientId: "b",
          clientName: "Beta",
          templateUri: "/y",
          httpMethod: "POST",
          requests: 1000n,
          status429: 0n,
          status400: 0n,
          status500: 1n,
        },
      ]),
    ),
    ...["2026-09-14", "2026-09-15", "2026-09-16"].map((day) =>
      slice(day, [{ clientId: "a", requests: 7n, status429: 0n }], { service: "legacy", grouping: "client" }),
    ),
  ]);
  empty = await makeLake([]);
});

const ask = (...args: string[]) => gcUsage(["ask", ...args, "--lake", lake]);

describe("gc-usage ask", () => {
  test("lists the questions completely on a narrow terminal", () => {
    const text = listText(list(), 60);
    expect(text.split("\n").filter((line) => line.replaceAll(COLORS, "").length > 60)).toEqual([]);
    const words = text.replaceAll(COLORS, "").replaceAll(/\s+/g, " ");
    for (const { name, description } of list()) expect(words).toContain(`${name} ${description}`);
    expect(words).toContain(
      "(HTTP 4xx and 5xx). split by client; options: --top 10 --min-requests 100 hot-spots",
    );
  });

  test("lists the questions without a lake", async () => {
    const { stdout, exitCode } = await gcUsage(["ask", "--lake", "/nowhere"]);
    expect(stdout).toContain("noisy-clients    Clients by requests that were rate limited (HTTP 429).");
    expect(exitCode).toBe(0);
    const json = JSON.parse((await gcUsage(["ask", "--json"])).stdout) as { name: string }[];
    expect(json.length).toBeGreaterThanOrEqual(11);
    expect(json.find(({ name }) => name === "new-clients")).toMatchObject({
      columns: expect.arrayContaining([{ name: "first_day", type: "date" }]),
    });
    expect(json.find(({ name }) => name === "failing-clients")).toEqual({
      name: "failing-clients",
      title: "Failing clients",
      description: "Clients by the share of their requests that failed (HTTP 4xx and 5xx).",
      needs: ["client"],
      params: [
        { name: "top", type: "count", default: 10, description: "Number of rows to show." },
        {
          name: "min_requests",
          type: "integer",
          default: 100,
          description: "Leave out clients with fewer requests.",
        },
      ],
      columns: [
        { name: "client_id", type: "text" },
        { name: "client_name", type: "text" },
        { name: "failed_pct", type: "double" },
        ...["status400", "status500", "status429", "requests"].map((name) => ({ name, type: "integer" })),
      ],
    });
  });

  test("answers a question up to the lake's newest day, and reports its data on stderr", async () => {
    const { stdout, stderr, exitCode } = await ask("noisy-clients", "--last", "10d", "--top", "10");
    expect(stdout).toBe(
      "client_id  client_name  status429  requests  limited_pct  limited_days\na          Alpha               20     1,000            2            10\n",
    );
    expect(stderr).toContain("Noisy clients, 2026-09-21 to 2026-09-30 (jobs, client-uri-method)");
    expect(stderr).toContain("The lake's newest day is 2026-09-30");
    expect(exitCode).toBe(0);
  });

  test("suggests other rows that cover more of the days, and reads them on request", async () => {
    const refused = await ask("busy-clients", "--from", "2026-09-14", "--to", "2026-09-16");
    expect(refused).toMatchObject({ exitCode: 9, stdout: "" });
    expect(refused.stderr).toContain(
      "Or read other rows, which have more of these days: --service legacy --group-by client.",
    );
    const answered = await ask(
      "busy-clients",
      "--from",
      "2026-09-14",
      "--to",
      "2026-09-16",
      "--service",
      "legacy",
      "--group-by",
      "client",
      "--output",
      "csv",
    );
    expect(answered.stdout).toContain("a,,21,100,0,3");
    expect(answered.stderr).toBe("Busy clients, 2026-09-14 to 2026-09-16 (legacy, client)\n");
  });

  test("ends yesterday even if the lake has later days", async () => {
    const today = dayOf(Date.now());
    const fresh = await makeLake(
      [-2, -1, 0].map((days) => slice(addDays(today, days), [{ clientId: "a", ...COUNTS }])),
    );
    const { stdout, stderr } = await gcUsage([
      "ask",
      "requests-by-day",
      "--last",
      "2d",
      "--lake",
      fresh,
      "--output",
      "csv",
    ]);
    expect(stdout.split("\r\n").map((line) => line.slice(0, 12))).toEqual([
      "day,requests",
      `${addDays(today, -2)},1`,
      `${addDays(today, -1)},1`,
      "",
    ]);
    expect(stderr).not.toContain("newest day");
  });

  test("prints a statement that can be run unchanged", async () => {
    const { stdout } = await ask("failing-clients", "--last", "7d", "--min-requests", "10", "--print-sql");
    expect(stdout).toContain("date BETWEEN DATE '2026-09-24' AND DATE '2026-09-30'");
    expect(stdout).toContain(">= 10");
    const rows = await gcUsage(["sql", "--file", "-", "--lake", lake, "--json"], { input: stdout });
    const asked = await ask("failing-clients", "--last", "7d", "--min-requests", "10", "--json");
    const rowsOf = (text: string): unknown => (JSON.parse(text) as { rows: unknown }).rows;
    expect(rowsOf(rows.stdout)).toEqual(rowsOf(asked.stdout));
    expect(rows.exitCode).toBe(0);
  });

  test("writes a file", async () => {
    const file = join(await workFolder(), "r.csv");
    expect(await ask("hot-spots", "--top", "1", "--out", file)).toMatchObject({ stdout: "", exitCode: 0 });
    expect(readFileSync(file, "utf8").split("\r\n")).toHaveLength(3);
  });
});

describe("gc-usage ask rejects", () => {
  test.each([
    [["noisy"], 2, "Did you mean noisy-clients or noisy-endpoints?"],
    [["busy-users"], 9, "The lake has no days split by user"],
    [["busy-clients", "--group-by", "planet"], 2, 'Unknown grouping "planet"'],
    [["busy-clients", "--week-start", "sunday"], 2, "--week-start only decides which days --last-week means"],
    [["busy-clients", "--service", "soap"], 2, "--service"],
    [["busy-clients", "--top", "many"], 2, "--top"],
    [["busy-clients", "--top", "0"], 2, "--top"],
    [["busy-clients", "--min-requests", "5"], 2, "does not accept --min-requests"],
    [["busy-clients", "--last", "soon"], 2, "expected a length of time"],
    [["busy-clients", "--last", "3d", "--from", "2026-09-01"], 2, "both set the start of the period"],
    [["busy-clients", "--from", "2026-02-30"], 2, "is not a day"],
    [["busy-clients", "--from", "2026-09-30", "--to", "2026-09-01"], 2, "before it starts"],
    [["--allow-partial"], 2, "--allow-partial needs a question"],
    [["busy-clients", "--envelope"], 2, "--envelope does not apply to a table"],
    [["busy-clients", "--max-age", "soon"], 2, 'Invalid --max-age: "soon"'],
    [["busy-clients", "--granularity", "hour"], 2, "--granularity"],
    [["--last", "3d"], 2, "--last needs a question"],
    [["--min-requests", "3"], 2, "--min-requests needs a question"],
    [["--out", "list.json"], 2, "--out needs a question"],
    [["--output", "csv"], 2, "cannot be printed as csv"],
    [["busy-clients", "--what"], 2, "unknown option"],
  ])("%j with exit code %i", async (args, exitCode, message) => {
    const outcome = await ask(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome).toMatchObject({ exitCode, stdout: "" });
  });

  test.each(["new-clients", "silent-clients", "change"])("to compare with missing days: %s", async (name) => {
    const before = await ask(name, "--from", "2026-08-02", "--to", "2026-08-09");
    expect(before).toMatchObject({ exitCode: 9, stdout: "" });
    expect(before.stderr).toContain(
      `${name} compares 2026-08-02 to 2026-08-09 with 2026-07-25 to 2026-08-01, but the lake has no day of 2026-07-25 to 2026-08-01 (jobs, client-uri-method).\n` +
        `Run \`gc-usage sync --from 2026-07-25 --to 2026-08-01 --lake ${lake}\` first.`,
    );
    const after = await ask(name, "--from", "2026-10-01", "--to", "2026-10-08");
    expect(after).toMatchObject({ exitCode: 9, stdout: "" });
    expect(after.stderr).toContain("but the lake has no day of 2026-10-01 to 2026-10-08 (");
  });

  test("an empty lake, with a hint", async () => {
    const { stderr, exitCode } = await gcUsage(["ask", "busy-clients", "--lake", empty]);
    expect(stderr).toContain(`The lake is empty. Run \`gc-usage sync --lake ${empty}\` first.`);
    expect(exitCode).toBe(9);
  });
});
