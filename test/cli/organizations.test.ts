import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLake } from "../../src/lake/open.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/sandbox.ts";
import { gcUsage, type Ran, start } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";
import { TestClient } from "../sandbox/client.ts";

const SYNC = ["sync", "--last", "2d", "--group-by", "method", "--lake", "lake"];
const CLAIM = "_gc-usage.json";
const GOLDEN = new URL("../golden/0.1.0/lake", import.meta.url).pathname;

const started: Sandbox[] = [];
/** Two organizations, each with and without a service that returns its id. */
let acme: Sandbox;
let globex: Sandbox;
let acmeHidden: Sandbox;
let globexHidden: Sandbox;

beforeAll(async () => {
  const sandbox = async (options: SandboxOptions): Promise<Sandbox> => {
    const running = await startSandbox({ jobDelayMs: 1, ...options });
    started.push(running);
    return running;
  };
  acme = await sandbox({ seed: 9 });
  globex = await sandbox({ seed: 8 });
  acmeHidden = await sandbox({ seed: 9, organizationStatus: 403 });
  globexHidden = await sandbox({ seed: 8, organizationStatus: 404 });
});
afterAll(() => Promise.all(started.map((sandbox) => sandbox.close())));

interface Owned {
  readonly organization?: { readonly id: string; readonly name?: string };
  readonly source?: { readonly region?: string; readonly clientId?: string };
}

async function claimOf(cwd: string, lake = "lake"): Promise<Owned> {
  return JSON.parse(await readFile(join(cwd, lake, CLAIM), "utf8")) as Owned;
}

/** The organizations in a lake's slices. */
async function namedIn(cwd: string, name = "lake"): Promise<(string | undefined)[]> {
  const lake = await openLake(join(cwd, name));
  try {
    const slices = await lake.slices();
    return [...new Set(slices.map(({ provenance }) => provenance?.organization?.name))];
  } finally {
    await lake.close();
  }
}

function sync(cwd: string, { env }: Sandbox, ...more: string[]): Promise<Ran> {
  return gcUsage([...SYNC, ...more], { cwd, env });
}

/** A lake of the organization with seed 9. */
async function acmesLake(): Promise<string> {
  const cwd = await workFolder();
  expect(await sync(cwd, acme)).toMatchObject({ exitCode: 0 });
  return cwd;
}

/** The environment with an access token instead of a client. */
async function withToken(sandbox: Sandbox): Promise<Record<string, string>> {
  const { token } = await TestClient.signIn(sandbox);
  const client = { GENESYSCLOUD_OAUTHCLIENT_ID: "", GENESYSCLOUD_OAUTHCLIENT_SECRET: "" };
  return { ...sandbox.env, ...client, GENESYSCLOUD_ACCESS_TOKEN: token };
}

describe.concurrent("a lake belongs to one organization", () => {
  it("records it in its claim and in each slice, with one call of organizations/me", async () => {
    const sandbox = await startSandbox({ jobDelayMs: 1, seed: 9 });
    try {
      const cwd = await workFolder();
      expect(await sync(cwd, sandbox)).toMatchObject({ exitCode: 0 });
      expect(sandbox.counts()["organization"]).toBe(1);
      const { organization, source } = await claimOf(cwd);
      expect(organization).toEqual({ id: expect.any(String), name: "Simulated Industries 9" });
      expect(source).toEqual({ region: "mypurecloud.com", clientId: sandbox.clientId });
      expect(await namedIn(cwd)).toEqual(["Simulated Industries 9"]);
      // If there is nothing to fetch, the same client only signs in, for the service's clock.
      const { organization: calls } = sandbox.counts();
      expect((await sync(cwd, sandbox)).stderr).toContain("Nothing to do");
      expect(sandbox.counts()).toMatchObject({ organization: calls });
    } finally {
      await sandbox.close();
    }
  });

  it.each([
    ["has nothing to fetch", []],
    ["would fetch other days", ["--last", "5d"]],
    ["would fetch another series", ["--group-by", "client", "--granularity", "month"]],
  ])("rejects a sync of another organization that %s, and changes nothing", async (_what, more) => {
    const cwd = await acmesLake();
    const before = await tree(join(cwd, "lake"));
    const ran = await sync(cwd, globex, ...more);
    expect(ran).toMatchObject({ exitCode: 8, stdout: "" });
    const ours = await claimOf(cwd);
    expect(ran.stderr).toContain(
      `lake belongs to "Simulated Industries 9" (id ${ours.organization?.id}, region mypurecloud.com)`,
    );
    expect(ran.stderr).toMatch(
      /these credentials belong to "Simulated Industries 8" \(id [0-9a-f-]{36}, region/,
    );
    expect(ran.stderr).toContain("--lake");
    expect(await tree(join(cwd, "lake"))).toEqual(before);
  });

  it("accepts only one of several organizations that start at the same time on an empty lake", async () => {
    const cwd = await workFolder();
    const both = [acme, globex, acme, globex];
    const ran = await Promise.all(both.map(({ env }) => start([...SYNC, "--json"], { cwd, env })));
    const { organization } = await claimOf(cwd);
    const winner = organization?.name === "Simulated Industries 9" ? acme : globex;
    expect(ran.map(({ exitCode }) => exitCode)).toEqual(both.map((sandbox) => (sandbox === winner ? 0 : 8)));
    expect(await namedIn(cwd)).toEqual([organization?.name]);
  });

  it("rejects rows, copies and uploads of another organization, and adds its name to its own rows", async () => {
    const cwd = await acmesLake();
    const { organization } = await claimOf(cwd);
    const other = await workFolder();
    expect(await sync(other, globex)).toMatchObject({ exitCode: 0 });
    const foreign = (await claimOf(other)).organization?.id ?? "";
    const rows = join(cwd, "rows.json");
    await writeFile(
      rows,
      JSON.stringify([{ date: "2026-01-12", clientId: "c", requests: 3, status200: 3, status400: 0 }]),
    );
    const before = await tree(join(cwd, "lake"));
    const given = [rows, "--granularity", "day", "--lake", "lake", "--organization", foreign];
    for (const args of [
      ["load", ...given],
      ["upload", ...given],
      ["copy", join(other, "lake"), "lake"],
    ]) {
      const ran = await gcUsage(args, { cwd });
      expect(ran, args[0]).toMatchObject({ exitCode: 8, stdout: "" });
      expect(ran.stderr).toContain(String(organization?.id));
      expect(ran.stderr).toContain(foreign);
    }
    expect(await tree(join(cwd, "lake"))).toEqual(before);
    expect(await gcUsage(["load", ...given.slice(0, -2)], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await namedIn(cwd)).toEqual(["Simulated Industries 9"]);
  });

  it("copies its organization too, and a dry run claims nothing", async () => {
    const cwd = await acmesLake();
    expect(await gcUsage(["copy", "lake", "twin", "--dry-run"], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await gcUsage(["copy", "lake", "twin"], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await claimOf(cwd, "twin")).toEqual(await claimOf(cwd));
    const ran = await gcUsage([...SYNC.slice(0, -1), "twin"], { cwd, env: globex.env });
    expect(ran.exitCode).toBe(8);
  });

  it("rewrites a missing or damaged claim from its slices", async () => {
    const cwd = await acmesLake();
    const claim = await claimOf(cwd);
    await rm(join(cwd, "lake", CLAIM));
    expect(await sync(cwd, globex)).toMatchObject({ exitCode: 8 });
    await writeFile(join(cwd, "lake", CLAIM), '{"organ');
    expect(await sync(cwd, globex)).toMatchObject({ exitCode: 8 });
    expect(await sync(cwd, acme)).toMatchObject({ exitCode: 0 });
    expect(await claimOf(cwd)).toEqual(claim);
  });

  it("keeps the claim of a later version, and stops if the organization is unclear", async () => {
    const cwd = await acmesLake();
    const later = { ...(await claimOf(cwd)), format: 3, weather: "fine" };
    const file = join(cwd, "lake", CLAIM);
    await writeFile(file, JSON.stringify(later));
    expect(await sync(cwd, acme, "--recheck", "0")).toMatchObject({ exitCode: 0 });
    expect(await claimOf(cwd)).toEqual(later);
    expect(await sync(cwd, globex)).toMatchObject({ exitCode: 8 });
    await writeFile(file, JSON.stringify({ format: 3, organization: ["acme"] }));
    const ran = await sync(cwd, acme);
    expect(ran.exitCode).toBe(8);
    expect(ran.stderr).toMatch(/later version of gc-usage wrote its _gc-usage\.json[^]*Upgrade gc-usage/);
  });

  it("keeps unknown keys of its claim", async () => {
    const cwd = await acmesLake();
    const file = join(cwd, "lake", CLAIM);
    await writeFile(
      file,
      JSON.stringify({ ...(await claimOf(cwd)), organization: undefined, weather: "fine" }),
    );
    expect(await sync(cwd, acme, "--recheck", "0")).toMatchObject({ exitCode: 0 });
    expect(await claimOf(cwd)).toMatchObject({
      weather: "fine",
      organization: { name: "Simulated Industries 9" },
    });
  });

  it("reports slices of another organization that were added from outside", async () => {
    const cwd = await acmesLake();
    const other = await workFolder();
    expect(await sync(other, globex)).toMatchObject({ exitCode: 0 });
    const theirs = await tree(join(other, "lake", "usage"));
    for (const [path, content] of Object.entries(theirs)) {
      if (content !== "") await writeFile(join(cwd, "lake", "usage", path), Buffer.from(content, "base64"));
    }
    for (const args of [SYNC, ["copy", "lake", "elsewhere"]]) {
      const ran = await gcUsage(args, { cwd, env: acme.env });
      expect(ran).toMatchObject({ exitCode: 8, stdout: "" });
      expect(ran.stderr).toMatch(
        /belongs to "Simulated Industries 9" [^]*but its slice usage\/[^]*to "Simulated Industries 8"/,
      );
    }
  });

  it("with slices of 0.1.0 is adopted, with one note", async () => {
    const cwd = await workFolder();
    await cp(GOLDEN, join(cwd, "lake"), { recursive: true });
    const note = "11 slices in lake have no organization, because gc-usage 0.1.0 did not record it.";
    expect((await sync(cwd, acme)).stderr).toContain(note);
    const again = await sync(cwd, acme, "--recheck", "0");
    expect(again.exitCode).toBe(0);
    expect(again.stderr).not.toContain("name no organization");
    expect(await sync(cwd, globex)).toMatchObject({ exitCode: 8 });
    expect((await namedIn(cwd)).sort()).toEqual(["Simulated Industries 9", undefined]);
  });
});

describe.concurrent("if the service does not return the organization's id", () => {
  it("organizations are distinguished by OAuth client and region", async () => {
    const cwd = await workFolder();
    expect(await sync(cwd, acmeHidden)).toMatchObject({ exitCode: 0 });
    expect(await claimOf(cwd)).toEqual({
      format: 2,
      source: { region: "mypurecloud.com", clientId: acme.clientId },
    });
    expect(await sync(cwd, acmeHidden, "--recheck", "0")).toMatchObject({ exitCode: 0 });
    const other = await sync(cwd, globexHidden, "--recheck", "0");
    expect(other.exitCode).toBe(8);
    for (const { clientId } of [acme, globex]) expect(other.stderr).toContain(`OAuth client ${clientId}`);
    expect(other.stderr).toContain("--organization");
    const moved = await gcUsage(SYNC, {
      cwd,
      env: { ...globexHidden.env, GENESYSCLOUD_REGION: "eu-central-1" },
    });
    expect(moved.exitCode).toBe(8);
    expect(moved.stderr).toContain("region mypurecloud.com, but these credentials");
    expect(moved.stderr).toContain("region mypurecloud.de");
  });

  it("--organization assigns another OAuth client to the same organization", async () => {
    const cwd = await workFolder();
    const id = "11111111-2222-4333-8444-555555555555";
    expect(await sync(cwd, acmeHidden)).toMatchObject({ exitCode: 0 });
    expect(await sync(cwd, globexHidden, "--recheck", "0")).toMatchObject({ exitCode: 8 });
    expect(await sync(cwd, globexHidden, "--recheck", "0", "--organization", id)).toMatchObject({
      exitCode: 0,
    });
    expect(await claimOf(cwd)).toMatchObject({ organization: { id }, source: { clientId: globex.clientId } });
    expect(await sync(cwd, globexHidden, "--recheck", "0")).toMatchObject({ exitCode: 0 });
    expect(await sync(cwd, acmeHidden, "--recheck", "0")).toMatchObject({ exitCode: 8 });
    const wrong = await sync(cwd, globexHidden, "--organization", id.replace("1", "2"));
    expect(wrong.exitCode).toBe(8);
    // The service's id has priority over the user's.
    expect(await sync(await workFolder(), acme, "--organization", id)).toMatchObject({ exitCode: 8 });
  });

  it("the id is added later, from the same client", async () => {
    const cwd = await workFolder();
    expect(await sync(cwd, acmeHidden)).toMatchObject({ exitCode: 0 });
    expect(await sync(cwd, acme, "--recheck", "0")).toMatchObject({ exitCode: 0 });
    expect(await claimOf(cwd)).toMatchObject({ organization: { name: "Simulated Industries 9" } });
    expect(await sync(cwd, globex)).toMatchObject({ exitCode: 8 });
  });

  it("an access token can fill a lake, with a warning, unless the lake belongs to an organization", async () => {
    const cwd = await workFolder();
    const env = await withToken(acmeHidden);
    expect(await gcUsage(SYNC, { cwd, env })).toMatchObject({ exitCode: 0 });
    expect(await claimOf(cwd)).toEqual({ format: 2, source: { region: "mypurecloud.com" } });
    const again = await gcUsage([...SYNC, "--recheck", "0"], { cwd, env });
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain("warning: Cannot check that these rows belong to the lake's organization");
    const owned = await acmesLake();
    const refused = await gcUsage([...SYNC, "--recheck", "0"], { cwd: owned, env });
    expect(refused.exitCode).toBe(8);
    const { organization } = await claimOf(owned);
    expect(refused.stderr).toContain(`--organization ${organization?.id}`);
    const vouched = [...SYNC, "--recheck", "0", "--organization", String(organization?.id)];
    expect(await gcUsage(vouched, { cwd: owned, env })).toMatchObject({ exitCode: 0 });
  });

  it("an invalid id is rejected", async () => {
    const ran = await sync(await workFolder(), acme, "--organization", "Acme");
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('Invalid --organization: "Acme" (expected the organization\'s id, a UUID).');
  });
});
