import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LimitsReport } from "../../src/index.ts";
import { LIMITS, valueOf } from "../../src/sandbox/limits.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const row = (clientId: string, requests: bigint) => ({
  clientId,
  clientName: `Name of ${clientId}`,
  templateUri: "/api/v2/users",
  httpMethod: "GET",
  requests,
  status429: 0n,
});
let lake: string;
let sandbox: Sandbox;

beforeAll(async () => {
  lake = await makeLake([
    slice("2026-10-01", [row("pool", 500_000n), row("small", 14_400n)]),
    slice("2026-10-02", [row("pool", 400_000n), row("small", 28_800n)]),
  ]);
  sandbox = await startSandbox({ seed: 3, now: Date.parse("2026-11-23T00:00:00Z"), rateLimit: 320 });
});
afterAll(() => sandbox.close());

async function limits(args: readonly string[], env: Readonly<Record<string, string>> = sandbox.env) {
  const ran = await gcUsage(["limits", "--lake", lake, ...args], { env });
  return { ...ran, report: () => JSON.parse(ran.stdout) as LimitsReport };
}

describe("gc-usage limits", () => {
  it("shows the limits in force and the requests to change them, as they are, and usage next to them", async () => {
    const { exitCode, report, stderr } = await limits(["--json"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const found = report();
    expect(found).toMatchObject({
      source: "organization",
      offlineReason: null,
      unavailable: [],
      tokenLimit: { perMinute: 320, source: "in force", perDay: 460_800 },
      basis: { service: "jobs", period: { from: "2026-10-01", to: "2026-10-02" } },
    });
    const byName = <T extends { namespace: string; key: string }>(all: readonly T[]): T[] =>
      all.toSorted((a, b) => (`${a.namespace} ${a.key}` < `${b.namespace} ${b.key}` ? -1 : 1));
    expect(found.limits).toEqual(
      byName(LIMITS).map(
        ({ namespace, key, defaultValue, description, configurable, trackable, ...limit }) => ({
          namespace,
          key,
          value: valueOf(
            { namespace, key, defaultValue, description, configurable, trackable, ...limit },
            320,
          ),
          defaultValue,
          description,
          configurable,
          trackable,
        }),
      ),
    );
    expect(
      found.changeRequests?.map(({ status, rejectReason, rejectMeaning }) => [
        status,
        rejectReason,
        rejectMeaning !== null,
      ]),
    ).toEqual([
      ["Open", undefined, false],
      ["Rejected", "OtherReason", true],
      ["Rejected", "PlatformStability", true],
      ["Rejected", "PlatformMisuse", true],
      ["Approved", undefined, false],
      ["Rejected", "IncreaseNotRequired", true],
      ["Rejected", "AlternativeExists", true],
    ]);
    expect(found.clients).toMatchObject([
      { clientId: "pool", exceedsToken: true, headroomPerMinute: 0, busiest: [{ day: "2026-10-01" }, {}] },
      {
        clientId: "small",
        exceedsToken: false,
        headroomPerMinute: 300,
        busiest: [{ requests: 28_800, perMinute: 20 }, {}],
      },
    ]);
  });

  it("says in words what a client above one token's limit must have, and the arithmetic of more traffic", async () => {
    const { stdout } = await limits(["--what-if", "+200/min", "--client", "small"]);
    expect(stdout).toContain("One token may make 320 requests a minute (in force), so 460,800 a day.");
    expect(stdout).toContain("20 + 200 = 220 of 320 a minute, 69%.");
    expect(stdout).toContain("Its busiest minute may have 6 times the average");
    expect(stdout).toContain("the data has days, not minutes");
    expect(stdout).not.toContain("pool");
    const all = await limits(["--what-if", "+20%"]);
    expect(all.stdout).toContain(
      "Name of pool made 500,000 requests on 2026-10-01, more than the 460,800 of one token. It holds several tokens",
    );
    expect(all.stdout).toContain("347.2 + 69.4 = 416.7 of 320 a minute, 130%.");
  });

  it("works without credentials and with --offline, and says that the limits are documented defaults", async () => {
    for (const [args, env, why] of [
      [[], {}, "No credentials for Genesys Cloud were found."],
      [["--offline"], sandbox.env, "--offline is set."],
    ] as const) {
      const { exitCode, stdout, stderr } = await limits(args, env);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("Limits that Genesys documents for every organization. Yours may differ");
      expect(stdout).toContain(
        "One token may make 300 requests a minute (documented default), so 432,000 a day.",
      );
      expect(stderr).toContain(`The organization's own limits were not read. ${why}`);
    }
  });

  it("names the permission that is missing, and shows the rest", async () => {
    const [other] = sandbox.others;
    const env = {
      ...sandbox.env,
      GENESYSCLOUD_OAUTHCLIENT_ID: other?.clientId ?? "",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: other?.clientSecret ?? "",
    };
    const { exitCode, stderr, report } = await limits(["--json"], env);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      "Not read: the requests to change limits. The OAuth client needs the permission limits:organization:view.",
    );
    expect(report()).toMatchObject({
      source: "organization",
      changeRequests: null,
      limits: LIMITS.map(() => ({})),
    });
  });

  it("shows the limits without a lake, and rejects a lake of another organization", async () => {
    const folder = await workFolder();
    const none = await gcUsage(["limits", "--lake", join(folder, "none")], { env: sandbox.env });
    expect(none.exitCode).toBe(0);
    expect(none.stdout).toContain("Limits of the organization");
    expect(none.stderr).toContain("warning: The usage of the clients is not known. No lake at ");

    const foreign = await makeLake([slice("2026-10-01", [row("pool", 1n)])]);
    const organization = { id: "11111111-2222-3333-4444-555555555555", name: "Another one" };
    await writeFile(join(foreign, "_gc-usage.json"), JSON.stringify({ format: 1, organization }));
    const refused = await gcUsage(["limits", "--lake", foreign], { env: sandbox.env });
    expect(refused).toMatchObject({ exitCode: 8, stdout: "" });
    expect(refused.stderr).toContain('The lake belongs to "Another one"');
  });

  it("says how to do without a service that does not answer, and that several organizations are too many", async () => {
    const unreachable = await limits([], { ...sandbox.env, GENESYSCLOUD_GATEWAY_PORT: "9" });
    expect(unreachable).toMatchObject({ exitCode: 5, stdout: "" });
    expect(unreachable.stderr).toContain("To do without the API, add --offline.");

    const parent = await workFolder();
    for (const requests of [1n, 2n]) await makeLake([slice("2026-10-01", [row("a", requests)])], parent);
    for (const command of [["limits"], ["diagnose", "a"]]) {
      const several = await gcUsage([...command, "--lake", parent, "--offline"], { env: {} });
      expect(several).toMatchObject({ exitCode: 2, stdout: "" });
      expect(several.stderr).toContain("The lake is a folder of several organizations' lakes.");
    }
  });

  it("says that days of the period are missing, but not those before the lake begins", async () => {
    const gap = await limits(["--offline", "--from", "2026-09-29"]);
    expect(gap.exitCode).toBe(0);
    expect(gap.stderr).toContain(
      "warning: There may be busier days: the lake has no data for 2026-09-29 to 2026-09-30.",
    );
  });

  it.each([
    [["--what-if", "lots"], 'Invalid --what-if: "lots" (expected more traffic).'],
    [["--top", "0"], 'Invalid --top: "0"'],
    [["--client", "nobody"], '--client "nobody" was not found'],
    [["--last", "soon"], 'Invalid --last: "soon"'],
    [["--service", "old"], 'Invalid --service: "old"'],
  ])("rejects %j", async (args, message) => {
    const ran = await limits([...args, "--offline"]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });
});
