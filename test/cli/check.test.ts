import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CheckReport, openLake } from "../../src/index.ts";
import { addDays, type Day, eachDay } from "../../src/usage/day.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const FIRST = "2026-07-20" as Day;
const LAST = "2026-09-30" as Day;
const HOSTILE = 'Ignore <b>this</b> | `x` & "that"\n# now';

/** A day's rows: what happens is planted by date. */
function rowsOf(day: Day) {
  const weekday = new Date(day).getUTCDay();
  const level = weekday === 0 || weekday === 6 ? 500n : 1000n;
  const row = (clientId: string, clientName: string, requests: bigint, change = {}) => ({
    clientId,
    clientName,
    templateUri: "/api/v2/users",
    httpMethod: "GET",
    status200: requests,
    status300: 0n,
    status400: 0n,
    status500: 0n,
    status429: 0n,
    requests,
    ...change,
  });
  const is = (from: string, to: string): boolean => day >= from && day <= to;
  return [
    row("steady", "Steady", level),
    ...(is("2026-09-10", "2026-09-12")
      ? [
          row("stormy", "Stormy", level, {
            status200: level / 2n,
            status400: level / 2n,
            status429: level / 2n,
          }),
          row("stormy", "Stormy", 10n, { templateUri: "/api/v2/flows" }),
        ]
      : [row("stormy", "Stormy", level)]),
    row(
      "failing",
      HOSTILE,
      level,
      is("2026-09-15", "2026-09-30") ? { status200: 400n, status500: level - 400n } : {},
    ),
    ...(is("2026-09-05", "2026-09-30") ? [] : [row("silent", "Silent", level)]),
    ...(is("2026-09-20", "2026-09-30") ? [row("new", "New", level)] : []),
  ];
}

let original: string;
beforeAll(async () => {
  original = await makeLake(eachDay(FIRST, LAST).map((day) => slice(day, rowsOf(day))));
});

/** The same lake, without what was reported. */
async function lakeCopy(): Promise<string> {
  const folder = join(await workFolder(), "lake");
  await cp(original, folder, { recursive: true });
  return folder;
}

async function check(lake: string, to: string, ...args: string[]) {
  const ran = await gcUsage(["check", "--lake", lake, "--to", to, "--json", ...args]);
  const report = ran.stdout === "" ? undefined : (JSON.parse(ran.stdout) as CheckReport & { lake: string });
  const news = report?.findings.map(({ status, subject, rules }) =>
    [status, subject?.id, rules[0]].join(" "),
  );
  return { ...ran, report, news };
}

describe("gc-usage check", () => {
  it("reports a case as new once, then as open, and once when it has ended", async () => {
    const lake = await lakeCopy();
    const first = await check(lake, "2026-09-12");
    expect(first).toMatchObject({
      exitCode: 13,
      news: ["new stormy rate-limited", "new silent silent-client"],
    });
    expect(first.stderr).toContain("2 findings are open.");
    expect(first.report).toMatchObject({
      outcome: "fired",
      checkedThrough: "2026-09-12",
      missing: [],
      isSaved: true,
      basis: { service: "jobs", grouping: "client-uri-method", period: { to: "2026-09-12" } },
    });
    const [storm] = first.report?.findings ?? [];
    expect(storm).toMatchObject({
      since: "2026-09-10",
      lastDay: "2026-09-12",
      endedOn: null,
      figures: { unit: "429s", value: 500, worstDay: "2026-09-10" },
      summary:
        "Stormy was rate limited from 2026-09-10 to 2026-09-12: 1,250 of 2,530 requests (49%) got a 429. " +
        "The worst day was 2026-09-10, with 50%.",
      causes: [
        { value: "/api/v2/users", amount: 1250, share: 1, requests: 2500, status: { status429: 1250 } },
      ],
    });
    expect(storm?.sql).toContain("clientId = 'stormy'");

    expect(await check(lake, "2026-09-13")).toMatchObject({
      exitCode: 13,
      news: ["open stormy rate-limited", "open silent silent-client"],
    });
    expect(await check(lake, "2026-09-14", "--only-new")).toMatchObject({
      exitCode: 0,
      stderr: "",
      news: ["ended stormy rate-limited"],
    });
    const later = await check(lake, "2026-09-15", "--only-new");
    expect(later).toMatchObject({ exitCode: 13, news: ["new failing errors"] });
    expect(later.stderr).toContain("1 new or worse finding.");
    expect(await check(lake, "2026-09-20", "--only-new")).toMatchObject({ news: ["new new new-client"] });
    // An earlier day than the last one changes nothing.
    expect((await check(lake, "2026-09-11")).report?.isSaved).toBe(false);
  });

  it("without new findings prints nothing with --only-new, and says that all is well without", async () => {
    const args = ["check", "--lake", original, "--to", "2026-08-30", "--dry-run"];
    expect(await gcUsage([...args, "--only-new"])).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    expect((await gcUsage(args)).stdout).toMatch(
      /^Checked through 2026-08-30 \(jobs, .*\): nothing found\.\n$/,
    );
  });

  it("never reports that all is well if days are missing, and names the sync that fetches them", async () => {
    const lake = await lakeCopy();
    await rm(join(lake, "usage/granularity=day/date=2026-08-30"), { recursive: true });
    const { exitCode, stderr, report } = await check(lake, "2026-08-30");
    expect({ exitCode, outcome: report?.outcome }).toEqual({ exitCode: 12, outcome: "unknown" });
    expect(report?.missing).toEqual([{ from: "2026-08-30", to: "2026-08-30" }]);
    expect(stderr).toContain("Nothing is known about the newest days: the lake has no data for 2026-08-30.");
    expect(stderr).toContain(`gc-usage sync --from 2026-08-30 --to 2026-08-30 --lake ${lake}`);
    // Two days in a row are a finding, and the answer is never "nothing found".
    await rm(join(lake, "usage/granularity=day/date=2026-08-29"), { recursive: true });
    expect(await check(lake, "2026-08-30")).toMatchObject({ exitCode: 13, news: ["new  missing-data"] });
  });

  it("does not report an acknowledged case until the day, and then again", async () => {
    const lake = await lakeCopy();
    const { report } = await check(lake, "2026-09-16");
    const id = report?.findings.find(({ subject }) => subject?.id === "failing")?.id ?? "";
    const ack = ["check", "ack", id, "--lake", lake];
    expect(await gcUsage([...ack, "--until", "2026-09-20"])).toMatchObject({ exitCode: 2 });
    const done = await gcUsage([...ack, "--until", "2026-09-18", "--reason", "A migration"]);
    expect(done).toMatchObject({ exitCode: 0, stderr: `${id} is acknowledged until 2026-09-18.\n` });
    const quiet = await check(lake, "2026-09-17");
    expect(quiet.news).toContain("acknowledged failing errors");
    expect(quiet.report?.findings.at(-1)?.acknowledged).toEqual({
      until: "2026-09-18",
      reason: "A migration",
    });
    expect((await check(lake, "2026-09-19")).news).toContain("new failing errors");

    const unknown = await gcUsage(["check", "ack", "20260101-000000", "--reason", "x", "--lake", lake]);
    expect(unknown).toMatchObject({ exitCode: 2 });
    expect(unknown.stderr).toContain('There is no finding "20260101-000000".');
    expect(unknown.stderr).toContain(id);
  });

  it("dates a silence from its first day, names the last day of what has ended, and the limit of what has not", async () => {
    const lake = await lakeCopy();
    const [storm, silence] = (await check(lake, "2026-09-12")).report?.findings ?? [];
    expect(storm?.limit).toMatchObject({
      key: null,
      isAssumed: true,
      summary: expect.stringContaining("on this endpoint, because only one of several has 429s"),
    });
    expect(silence).toMatchObject({
      id: expect.stringMatching(/^20260905-/),
      since: "2026-09-05",
      summary: expect.stringContaining("no requests since 2026-09-05"),
      limit: null,
    });
    const later = (await check(lake, "2026-09-21")).report?.findings ?? [];
    const ended = later.find(({ status }) => status === "ended");
    expect(ended?.summary).toMatch(/^Stormy was rate limited .* Ended; last day 2026-09-12\.$/);
    expect(later.find(({ kind }) => kind === "new-client")?.limit).toMatchObject({
      key: "client.credentials.token.rate.per.minute",
      value: 300,
      unit: "requests-per-minute",
      source: "documented default",
      isAssumed: true,
      summary: expect.stringContaining("less than 1% of what a token can make in a day"),
    });
    expect(later.find(({ kind }) => kind === "errors")?.limit).toBeNull();
  });

  it("warns about patterns that match nobody, with the rule", async () => {
    const file = join(await workFolder(), "rules.yaml");
    await writeFile(
      file,
      "rules:\n" +
        '  - { id: storms, kind: rate-limited, only: ["Stromy", "steady"], except: ["Load test*"] }\n' +
        '  - { id: users, kind: errors, by: endpoint, only: ["/api/v2/user*", "/api/v3/*"] }\n' +
        '  - { id: gaps, kind: missing-data, except: ["New"] }\n',
    );
    const args = ["check", "--lake", original, "--rules", file, "--to", "2026-09-09"];
    const { stderr } = await gcUsage([...args, "--preview", "30d"]);
    expect(stderr.match(/^warning: .*$/gm)).toEqual([
      'warning: "Stromy" in `only` of the rule storms matches no client of the last 300 days. Did you mean "Stormy"?',
      'warning: "Load test*" in `except` of the rule storms matches no client of the last 300 days.',
      'warning: "/api/v3/*" in `only` of the rule users matches no endpoint of the last 300 days.',
      'warning: "New" in `except` of the rule gaps has no effect, because the rule is not about clients or endpoints.',
    ]);
  });

  it("says what it needs of a lake without it, and the first day that it has", async () => {
    const monthly = await makeLake([
      slice("2026-08-01", rowsOf(FIRST), { granularity: "month", grouping: "client" }),
    ]);
    const refused = await gcUsage(["check", "--lake", monthly]);
    expect(refused.exitCode).toBe(9);
    expect(refused.stderr).toContain("The lake has no days split by client, which gc-usage check needs.");
    expect(refused.stderr).not.toContain("--granularity");
    const text = async (to: string) =>
      (await gcUsage(["check", "--lake", original, "--to", to, "--dry-run"])).stdout;
    expect(await text("2026-08-01")).toContain(`(jobs, client-uri-method, from ${FIRST})`);
    expect(await text("2026-07-01")).toContain("(jobs, client-uri-method, no data up to this day)");
  });

  it("prints its findings if the lake cannot be written, sends nothing, and then fails with a way to do without", async () => {
    const lake = await lakeCopy();
    // As on a read-only disk, but also for root: no temporary folder can be created in a file.
    await writeFile(join(lake, ".staging"), "");
    const refused = await check(lake, "2026-09-12", "--webhook", "http://127.0.0.1:9/hook");
    expect(refused).toMatchObject({
      exitCode: 9,
      news: ["new stormy rate-limited", "new silent silent-client"],
      report: { outcome: "fired", isSaved: false, saveFailure: { kind: "lake" }, undelivered: 0 },
    });
    expect(refused.stderr).toMatch(
      /Cannot write to the lake .*, and nothing was sent\. 2 findings are open\./,
    );
    expect(refused.stderr).toContain("--dry-run");
    expect(await check(lake, "2026-09-12", "--dry-run")).toMatchObject({
      exitCode: 13,
      news: refused.news,
      report: { saveFailure: null },
    });

    await rm(join(lake, ".staging"));
    const { report } = await check(lake, "2026-09-12");
    const [first] = report?.findings ?? [];
    await writeFile(join(lake, ".staging"), "");
    const ack = await gcUsage(["check", "ack", first?.id ?? "", "--lake", lake, "--reason", "planned"]);
    expect(ack).toMatchObject({ exitCode: 9, stderr: expect.stringContaining("Cannot write to the lake") });
    expect(ack.stderr).not.toContain("is acknowledged");
  });

  it("leaves the record of a newer version unchanged, and reports a damaged one", async () => {
    const lake = await lakeCopy();
    const file = join(lake, "_gc-usage-check.json");
    const newer = '{"format":2,"anything":["else"]}';
    for (const [content, why] of [
      [newer, "A newer version of gc-usage wrote _gc-usage-check.json"],
      ['{"format":1}', "is damaged"],
      ["{", "is not JSON"],
    ] as const) {
      await writeFile(file, content);
      const ran = await gcUsage(["check", "--lake", lake, "--to", "2026-09-12"]);
      expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
      expect(ran.stderr).toContain(why);
      expect(await readFile(file, "utf8")).toBe(content);
    }
  });

  it("prints Markdown, JUnit and GitHub's commands in which a client's name stays text", async () => {
    const print = async (format: string): Promise<string> =>
      (await gcUsage(["check", "--lake", original, "--to", "2026-09-16", "--dry-run", "--format", format]))
        .stdout;
    expect(await print("markdown")).toContain(
      '| new | Ignore &lt;b&gt;this&lt;/b&gt; \\| \\`x\\` &amp; "that" \\# now failed',
    );
    const junit = await print("junit");
    expect(junit).toContain('tests="3" failures="2" errors="0"');
    expect(junit).toContain("Ignore &lt;b&gt;this&lt;/b&gt; | `x` &amp; &quot;that&quot;");
    expect(await print("github")).toMatch(/^::warning title=gc-usage errors \(new\)::Ignore <b>this.*60%25/m);
  });

  it("shows with --preview what the rules would have reported", async () => {
    const { exitCode, stdout } = await gcUsage([
      "check",
      "--lake",
      original,
      "--to",
      LAST,
      "--preview",
      "30d",
    ]);
    expect(exitCode).toBe(0);
    expect(stdout.replaceAll(/ +/g, " ")).toContain(
      "rate-limited 1 case\n 2026-09-10 to 2026-09-12 Stormy\nerrors 1 case\n 2026-09-15 to 2026-09-30",
    );
    expect(stdout).toMatch(/silent-client +1 case\n.*Silent\nnew-client +1 case\n.*New\nrequests +0 cases/);
  });

  it("adds the rules of a file, and replaces those with the same id", async () => {
    const rules = join(await workFolder(), "rules.yaml");
    await writeFile(
      rules,
      `rules:
  - id: rate-limited
    kind: rate-limited
    except: ["Storm*"]
  - id: users
    kind: errors
    by: endpoint
    trigger: { count: 1, percent: 1 }
    recovery: { percent: 1 }
`,
    );
    const { news, report } = await check(original, "2026-09-16", "--dry-run", "--rules", rules);
    expect(news).toEqual(expect.arrayContaining(["new /api/v2/users users", "new failing errors"]));
    expect(news?.join()).not.toContain("rate-limited");
    const endpoint = report?.findings.find(({ dimension }) => dimension === "endpoint");
    expect(endpoint?.causes).toMatchObject([{ value: "failing", amount: 1200, share: 1 }]);
  });

  it("reports each billing month that will exceed the allowance, at steps, until it ends", async () => {
    const lake = await lakeCopy();
    const rules = join(await workFolder(), "rules.yaml");
    const text = (allowance: number): string =>
      `defaults: false
rules:
  - { id: fair-use, kind: allowance, allowance: ${allowance}, periodStart: 2026-08-20, except: [silent, stormy, failing] }
`;
    // The rest makes 1,000 requests on a weekday and 500 on other days: 26,500 from August 20 to September 19.
    await writeFile(rules, text(30_000));
    const first = await check(lake, "2026-09-10", "--rules", rules);
    expect(first).toMatchObject({ exitCode: 13, news: ["new fair-use 2026-08-20 fair-use"] });
    expect(first.report?.findings[0]).toMatchObject({
      kind: "allowance",
      dimension: "organization",
      subject: { name: "Billing month from 2026-08-20" },
      figures: { unit: "percent-of-allowance", value: 88.33 },
      summary:
        "The organization will probably use 88% of its allowance of 30,000 requests by 2026-09-19: 19,000 from 2026-08-20 " +
        "to 2026-09-10, and 7,500 more are expected. This is an estimate: the jobs service counts all requests, and only the " +
        "built-in clients are left out.",
      causes: [{ value: "steady", amount: 19_000, share: 1 }],
    });
    // A smaller allowance is two steps worse.
    await writeFile(rules, text(26_000));
    expect(await check(lake, "2026-09-12", "--rules", rules)).toMatchObject({
      news: ["open fair-use 2026-08-20 fair-use"],
    });
    const after = await check(lake, "2026-09-20", "--rules", rules);
    expect(after.news).toEqual(["new fair-use 2026-09-20 fair-use", "ended fair-use 2026-08-20 fair-use"]);
    expect(after.report?.findings[1]?.summary).toContain(
      "The organization has used 102% of its allowance of 26,000 requests: 26,500 from 2026-08-20 to 2026-09-19.",
    );
  });

  it("has no causes if the rows are not split by endpoint, and then still shows a statement", async () => {
    const slices = eachDay(FIRST, LAST).map((date) =>
      slice(
        date,
        rowsOf(date).map((row) => ({ ...row, templateUri: null, httpMethod: null })),
        { grouping: "client" },
      ),
    );
    const { exitCode, report } = await check(await makeLake(slices), "2026-09-12");
    expect(exitCode).toBe(13);
    const storm = report?.findings.find(({ subject }) => subject?.id === "stormy");
    expect(storm).toMatchObject({ kind: "rate-limited", causes: [] });
    expect(storm?.sql).toContain("clientId = 'stormy'");
  });

  it("reports nothing as ended, and offers no acknowledgment, on a look back to an earlier day", async () => {
    const lake = await lakeCopy();
    await check(lake, "2026-09-16");
    const { news, stderr, report } = await check(lake, "2026-09-11");
    expect(news?.filter((line) => /^(ended|worse)/.test(line))).toEqual([]);
    expect(report?.isSaved).toBe(false);
    expect(stderr).not.toContain("check ack");
  });

  it("prints its built-in rules, which are a valid file, and the schema", async () => {
    const rules = join(await workFolder(), "rules.yaml");
    await writeFile(rules, (await gcUsage(["check", "--print-rules"])).stdout);
    // The lake is that of earlier tests, which remembered nothing.
    const { news, report } = await check(original, "2026-09-12", "--dry-run", "--rules", rules);
    expect(news).toEqual(["new stormy rate-limited", "new silent silent-client"]);
    expect(report?.isSaved).toBe(false);
    const schema = JSON.parse((await gcUsage(["check", "--print-schema"])).stdout) as { properties: object };
    expect(Object.keys(schema.properties)).toEqual(["$schema", "defaults", "rules"]);
  });

  it.each([
    ["rules: [", "is neither YAML nor JSON"],
    ["- a", "invalid value a list (expected object, received array)"],
    [
      "rules:\n- id: x\n  kind: erors",
      'at rules[1].kind (id "x"): unknown kind of rule "erors".\nDid you mean errors?',
    ],
    [
      "rules:\n- id: x\n  kind: errors\n  triger: {}",
      'at rules[1] (id "x"): unknown field "triger".\nDid you mean trigger?',
    ],
    [
      "rules:\n- id: x\n  kind: errors\n  trigger: { count: many }",
      'at rules[1].trigger.count (id "x"): invalid value "many"',
    ],
    ["rules:\n- {id: x, kind: errors}\n- {id: x, kind: growth}", "has two rules with the id x"],
    [
      "rules:\n- {id: x, kind: allowance, periodStart: 15}",
      'at rules[1].allowance (id "x"): a value is missing',
    ],
    [
      "rules:\n- {id: x, kind: allowance, allowance: 100, periodStart: 32}",
      'at rules[1].periodStart (id "x"): invalid value 32 (',
    ],
    ["rules:\n- {id: X y, kind: errors}", "expected lower-case letters, digits and hyphens"],
  ])("rejects the rules %j", async (text, message) => {
    const rules = join(await workFolder(), "rules.yaml");
    await writeFile(rules, text);
    const ran = await gcUsage(["check", "--lake", original, "--rules", rules]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  it.each([
    [["--to", "2999-01-01"], "--to 2999-01-01 is not over yet."],
    [["--to", "soon"], '--to: "soon" is not a day'],
    [["--preview", "soon"], 'Invalid --preview: "soon"'],
    [["--format", "pdf"], 'Invalid --format: "pdf"'],
    [["--json", "--format", "junit"], "--json and --format junit contradict each other."],
    [["--webhook-format", "slack"], "--webhook-format needs a webhook."],
    [
      ["--webhook", "http://example.com/secret-path-of-hook"],
      "The webhook's address is not an https address.",
    ],
    [["--sns-topic", "my-topic"], 'Invalid --sns-topic: "my-topic"'],
    [["--rules", "missing.yaml"], "Cannot read the rules missing.yaml: no such file or folder."],
    [["--rules", "."], "Cannot read the rules .: it is a folder."],
  ])("rejects %j", async (args, message) => {
    const ran = await gcUsage(["check", "--lake", original, ...args]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toContain("secret-path-of-hook");
  });
});

describe("a webhook", () => {
  let server: Server;
  let url: string;
  let status = 200;
  /** Called instead of an answer. */
  let onHeld: (() => void) | undefined;
  const received: { readonly key: string; readonly signature: string; readonly body: string }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const header = (name: string): string => String(request.headers[name] ?? "");
        received.push({ key: header("idempotency-key"), signature: header("x-gc-usage-signature"), body });
        if (onHeld) onHeld();
        else response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/secret-of-the-hook`;
  });
  afterAll(() => server.close());

  const run = (lake: string, to: string, ...args: string[]) =>
    gcUsage(["check", "--lake", lake, "--to", to, "--only-new", ...args], { env: { GC_USAGE_WEBHOOK: url } });

  it("gets each piece of news once, and what it refused with the next check", async () => {
    const lake = await lakeCopy();
    received.length = 0;
    status = 403;
    const refused = await run(lake, "2026-09-12");
    expect(refused.exitCode).toBe(13);
    expect(refused.stderr).toMatch(
      /warning: The webhook at 127\.0\.0\.1:\d+ did not get the message .*HTTP 403/,
    );
    expect(received).toHaveLength(1);

    // Nothing is new, so only the exit code and the warning show that messages wait.
    expect(await run(lake, "2026-09-12")).toMatchObject({ exitCode: 5 });
    status = 200;
    received.length = 0;
    expect(await run(lake, "2026-09-13")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(received.map(({ key }) => key)).toEqual([
      expect.stringMatching(/^20260910-\w+\.new\.2026-09-12$/),
      expect.stringMatching(/^2026090[56]-\w+\.new\./),
    ]);
    expect(JSON.parse(received[0]?.body ?? "")).toMatchObject({ status: "new", kind: "rate-limited", lake });
    received.length = 0;
    await run(lake, "2026-09-13");
    expect(received).toEqual([]);
    expect(await readFile(join(lake, "_gc-usage-check.json"), "utf8")).not.toContain("secret-of-the-hook");
  });

  it("waits in the lake if the lake cannot record that a message was sent, and the check still reports", async () => {
    const lake = await lakeCopy();
    const sent: string[] = [];
    const warnings: string[] = [];
    const log = { warn: (line: string) => warnings.push(line), info() {}, debug() {} };
    await using opened = await openLake(lake, { variables: {}, log });
    const destination = {
      id: "test",
      name: "The test",
      body: () => "text",
      send: async (_body: unknown, key: string) => {
        sent.push(key);
        await rm(join(lake, ".staging"), { recursive: true, force: true });
        await writeFile(join(lake, ".staging"), "");
      },
    };
    const report = await opened.check({ to: "2026-09-12", destinations: [destination] });
    expect(report).toMatchObject({ outcome: "fired", isSaved: true, saveFailure: null, undelivered: 1 });
    expect(warnings.join()).toMatch(
      /The test got the message .*, but the lake could not record it: Cannot write/,
    );
    expect(sent).toHaveLength(1);
    await rm(join(lake, ".staging"));
    const again = {
      ...destination,
      send: (_body: unknown, key: string) => Promise.resolve(void sent.push(key)),
    };
    expect((await opened.check({ to: "2026-09-12", destinations: [again] })).undelivered).toBe(0);
    expect(sent).toEqual([sent[0], sent[0], expect.not.stringContaining(sent[0] ?? "")]);
  });

  it("gets each message if a check is killed before its answer, and a repeated one with the same key", async () => {
    const lake = await lakeCopy();
    received.length = 0;
    const arrived = new Promise<void>((resolve) => {
      onHeld = resolve;
    });
    const killed = start(["check", "--lake", lake, "--to", "2026-09-12"], { env: { GC_USAGE_WEBHOOK: url } });
    await arrived;
    killed.kill("SIGKILL");
    await killed;
    onHeld = undefined;
    expect(await run(lake, "2026-09-12")).toMatchObject({ exitCode: 0 });
    const keys = received.map(({ key }) => key);
    expect(keys).toEqual([keys[0], keys[0], expect.stringMatching(/^2026090[56]-\w+\.new\./)]);
    expect(received[1]?.body).toBe(received[0]?.body);
    received.length = 0;
    await run(lake, "2026-09-12");
    expect(received).toEqual([]);
  });

  it("gets a single message of several checks at the same time", async () => {
    const lake = await lakeCopy();
    received.length = 0;
    const all = await Promise.all([1, 2, 3].map(() => run(lake, "2026-09-10")));
    expect(new Set(all.map(({ exitCode }) => exitCode))).not.toContain(1);
    const storms = received.filter(({ body }) => body.includes("Stormy"));
    expect(new Set(storms.map(({ key }) => key)).size).toBe(1);
  });

  it("gets text for Slack, in which a name stays text, signed with the secret", async () => {
    const lake = await lakeCopy();
    received.length = 0;
    const env = { GC_USAGE_WEBHOOK: url, GC_USAGE_WEBHOOK_SECRET: "a-signing-key-of-tests" };
    const args = ["check", "--lake", lake, "--to", "2026-09-15", "--webhook-format", "slack"];
    await gcUsage(args, { env });
    const failing = received.find(({ body }) => body.includes("failed"));
    expect((JSON.parse(failing?.body ?? "") as { text: string }).text).toContain(
      "Ignore &lt;b&gt;this&lt;/b&gt;",
    );
    expect(failing?.signature).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
  });
});

it("checks each of several organizations' lakes", async () => {
  const folder = await workFolder();
  for (const name of ["acme", "globex"]) await cp(original, join(folder, name), { recursive: true });
  await rm(join(folder, "globex/usage/granularity=day/date=2026-08-30"), { recursive: true });
  const ran = await gcUsage(["check", "--lake", folder, "--to", "2026-08-30", "--json"]);
  expect(ran.exitCode).toBe(12);
  expect(ran.stderr).toContain("globex: Nothing is known about the newest days");
  expect(JSON.parse(ran.stdout)).toMatchObject({
    lakes: [
      { organization: "acme", outcome: "clear" },
      { organization: "globex", outcome: "unknown" },
    ],
  });
});

it("a day with half the requests of every client is one case of the organization", async () => {
  const days = eachDay(addDays(LAST, -60), LAST);
  const lake = await makeLake(
    days.map((day) =>
      slice(
        day,
        Array.from({ length: 8 }, (_, i) => ({
          clientId: `c${i}`,
          clientName: `Client ${i}`,
          status200: 1n,
          status300: 0n,
          status400: 0n,
          status500: 0n,
          status429: 0n,
          requests: day === "2026-09-20" ? 400n : 5000n + BigInt((i * 37 + Number(day.slice(-2)) * 11) % 100),
        })),
        { grouping: "client" },
      ),
    ),
  );
  const { news, report } = await check(lake, "2026-09-21");
  expect(news).toEqual(["new  requests"]);
  expect(report?.findings[0]?.summary).toMatch(/^The organization made fewer requests than expected/);
});
