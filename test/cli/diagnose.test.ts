import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Diagnosis, openLake, type UsageLake } from "../../src/index.ts";
import { type RateLimitCase, rateLimitCases, type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day, maxDay, minDay } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const FROM = "2026-10-03" as Day;
const TO = "2026-11-12" as Day;
const OPTIONS = { seed: 1, scale: 1, incidents: true };
const PERIOD = { from: FROM, to: TO };

let sandbox: Sandbox;
let folder: string;
let lake: UsageLake;
let cases: RateLimitCase[];

beforeAll(async () => {
  sandbox = await startSandbox({
    ...OPTIONS,
    now: Date.parse("2026-11-13T00:00:00Z"),
    jobDelayMs: 0,
    latencyMs: 0,
  });
  folder = await workFolder();
  const synced = await gcUsage(["sync", "--lake", folder, "--from", FROM, "--to", TO], { env: sandbox.env });
  expect(synced.exitCode).toBe(0);
  lake = await openLake(folder, { variables: sandbox.env });
  cases = rateLimitCases({ ...OPTIONS, ...PERIOD });
});
afterAll(async () => {
  await lake.close();
  await sandbox.close();
});

const ADVICE: Readonly<Record<string, string>> = {
  "Salesforce CRM sync (nightly)": "raise",
  "Queue monitor": "cache",
  "IVR data dip": "spread",
  "AppFoundry: Click-to-Dial": "spread",
  "Agent desktop (embedded)": "batch",
  "Supervisor console": "spread",
};

describe("gc-usage diagnose", () => {
  it("names the planted limit of every client with 429s, and advice that fits the case", async () => {
    expect(new Set(cases.map(({ kind }) => kind))).toEqual(
      new Set(["token", "app-user", "user", "endpoint", "data-actions", "untracked"]),
    );
    // Of the many clients with a few 429s a day, one is enough.
    const [few] = cases.filter(
      ({ clientName, kind }) => kind === "token" && ADVICE[clientName] === undefined,
    );
    const wanted = cases.filter((planted) => planted === few || ADVICE[planted.clientName] !== undefined);
    expect(wanted).toHaveLength(7);
    for (const whole of wanted) {
      const planted = whole === few ? { ...whole, days: whole.days.slice(0, 5) } : whole;
      const found = await lake.diagnose(planted.clientId, around(planted, whole === few ? 0 : 3));
      const what = { client: planted.clientName, kind: planted.kind };
      expect({
        ...what,
        days: found.limitedDays.map(({ day, status429 }) => ({ date: day, status429 })),
      }).toEqual({
        ...what,
        days: planted.days,
      });
      expect({ ...what, ...namedIn(found) }).toMatchObject({
        ...what,
        namespace: planted.namespace,
        key: planted.limitName,
        limit: planted.max,
        configurable: planted.configurable,
      });
      const [hit, ...others] = found.limits;
      if (planted.trackable) {
        expect({ ...what, days: hit?.days, others }).toEqual({
          ...what,
          days: planted.days.map(({ date }) => date),
          others: [],
        });
        expect(hit).toMatchObject({ kind: planted.kind, isExceeded: true });
        expect(hit?.highest).toBe((hit?.limit ?? 0) + (hit?.above ?? 0));
        expect(found.hours?.hours.length).toBeGreaterThan(0);
      }
      expect(found.conclusion.join(" ")).toContain(planted.limitName);
      expect({ ...what, advice: found.advice.kind }).toEqual({
        ...what,
        advice: ADVICE[planted.clientName] ?? "retry",
      });
      expect(found.missing).toEqual([]);
    }
  });

  it("without any 429s says so, and asks for nothing", async () => {
    const found = await lake.diagnose("Power BI dashboards", PERIOD);
    expect(found).toMatchObject({
      status429: 0,
      limits: [],
      candidates: [],
      raiseRequest: null,
      unknown: [],
    });
    expect(found).toMatchObject({ advice: { kind: "none" }, endpoints: [] });
    expect(found.conclusion).toEqual(["No limit was hit: there were no 429s."]);
  });

  it("ends in a text that answers each reason for a rejection with the client's figures", async () => {
    const ran = await gcUsage(["diagnose", "salesforce", "--lake", folder, ...flags(PERIOD)], {
      env: sandbox.env,
    });
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    for (const reason of [
      "IncreaseNotRequired",
      "AlternativeExists",
      "PlatformMisuse",
      "PlatformStability",
      "OtherReason",
    ])
      expect(ran.stdout).toContain(`(${reason}):`);
    expect(ran.stdout).toContain("from 300 to 450\n");
    expect(ran.stdout).toContain("Earlier request of 2026-06-04, to 3,000: Rejected (PlatformMisuse).");
    const worst = cases.find(({ clientName }) => clientName.startsWith("Salesforce"))?.days.at(-1);
    expect(ran.stdout).toContain(`${worst?.date}  ${worst?.status429.toLocaleString("en-US")} of `);
    expect(ran.stdout).not.toMatch(/sign in again for/);
  });

  it("without permission or connection says what can be concluded, and what cannot", async () => {
    const [other] = sandbox.others;
    const env = {
      ...sandbox.env,
      GENESYSCLOUD_OAUTHCLIENT_ID: other?.clientId ?? "",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: other?.clientSecret ?? "",
    };
    const ran = await gcUsage(["diagnose", "queue monitor", "--lake", folder, ...flags(PERIOD), "--json"], {
      env,
    });
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    const found = JSON.parse(ran.stdout) as Diagnosis;
    expect(found).toMatchObject({
      records: "no-permission",
      limits: [],
      hours: null,
      advice: { kind: "cache" },
    });
    expect(found.unavailable.flatMap(({ permissions }) => permissions)).toEqual([
      "analytics:rateLimitAggregate:view",
      "limits:organization:view",
    ]);
    expect(found.conclusion.join(" ")).toContain(
      "All 429s are of /api/v2/flows, although the client calls others too.",
    );
    expect(found.unknown.join(" ")).toContain("needs the permission analytics:rateLimitAggregate:view");

    const offline = await lake.diagnose("Click-to-Dial", { ...PERIOD, offline: true });
    expect(offline).toMatchObject({ records: "offline", offlineReason: "--offline is set." });
    expect(offline.candidates.map(({ key }) => key)).toEqual([
      "client.credentials.token.rate.per.minute",
      "token.rate.per.minute",
      "org.app.user.rate.per.minute",
      "org.user.rate.per.minute",
    ]);
  });

  it("diagnoses the days that exist, and exits with 12 if others of the period are missing", async () => {
    const args = [
      "diagnose",
      "queue monitor",
      "--lake",
      folder,
      "--offline",
      "--from",
      addDays(FROM, -2),
      "--to",
      TO,
    ];
    const ran = await gcUsage(args, { env: {} });
    expect(ran.exitCode).toBe(12);
    expect(ran.stdout).toContain("Queue monitor (");
    expect(ran.stderr).toContain("the lake has no data for 2026-10-01 to 2026-10-02.");
    expect(ran.stderr).toContain(`gc-usage sync --from 2026-10-01 --to 2026-10-02 --lake ${folder}`);
  });

  it.each([
    [["nobody"], 'No client "nobody" made requests in 2026-'],
    [["queue monitr"], "Did you mean gc-usage diagnose 'Queue monitor'?"],
    [["a"], '"a" matches '],
    [[""], "The client is empty."],
    [["x", "--format", "pdf"], 'Invalid --format: "pdf"'],
    [["x", "--json", "--format", "text"], "--json and --format text contradict each other."],
    [["x", "--last", "soon"], 'Invalid --last: "soon"'],
  ])("rejects %j", async (args, message) => {
    const ran = await gcUsage(["diagnose", ...args, "--lake", folder, "--offline"], { env: {} });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  it("prints Markdown in which a client's name stays text, and names the practice above one token's limit", async () => {
    const small = await makeLake([
      slice("2026-10-01", [
        {
          clientId: "pool",
          clientName: "<b>All</b> | *of*\n# it",
          templateUri: "/api/v2/users",
          httpMethod: "PUT",
          status200: 500_000n,
          status300: 0n,
          status400: 100_000n,
          status500: 0n,
          status429: 100_000n,
          requests: 600_000n,
        },
      ]),
    ]);
    const ran = await gcUsage(["diagnose", "pool", "--lake", small, "--offline", "--format", "markdown"], {
      env: {},
    });
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("## &lt;b&gt;All&lt;/b&gt; \\| \\*of\\* \\# it (pool)\n");
    expect(ran.stdout).toContain("| PUT /api/v2/users | 100,000 | 600,000 | 16.7 |");
    expect(ran.stdout).toContain("sign in again after a 429 to get a new token. That works around the limit");
    expect(ran.stdout).toContain("~~~text\nRequest to raise [name of the limit]");
  });
});

/** The days of a case and some before and after it, as far as the lake has them. */
function around({ days }: RateLimitCase, more: number): { from: Day; to: Day } {
  const [first, last] = [days[0]?.date ?? FROM, days.at(-1)?.date ?? TO];
  return { from: maxDay(FROM, addDays(first, -more)), to: minDay(TO, addDays(last, more)) };
}

function flags({ from, to }: typeof PERIOD): string[] {
  return ["--from", from, "--to", to];
}

/** The limit that a diagnosis names first. */
function namedIn({ limits: [hit], candidates: [likely] }: Diagnosis) {
  return hit ?? (likely && { ...likely, limit: likely.value });
}
