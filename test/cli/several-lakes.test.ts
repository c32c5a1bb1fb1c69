import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { gcUsage, type Ran } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const LAST = addDays(dayOf(Date.now()), -1);
const DAYS = ["--from", addDays(LAST, -2), "--to", LAST];
const IN = ["--lake", "lakes"];

let cwd: string;
let acme: Sandbox;
let globex: Sandbox;

beforeAll(async () => {
  cwd = await workFolder();
  acme = await startSandbox({ jobDelayMs: 1, seed: 9 });
  globex = await startSandbox({ jobDelayMs: 1, seed: 8 });
  await well(["sync", ...DAYS, "--lake", "lakes/acme"], acme.env);
  await well(["sync", ...DAYS, "--lake", "lakes/globex"], globex.env);
  await mkdir(join(cwd, "lakes", "notes"));
});
afterAll(() => Promise.all([acme.close(), globex.close()]));

async function well(
  args: readonly string[],
  env: Record<string, string> = {},
  folder = cwd,
): Promise<string> {
  const { exitCode, stdout, stderr } = await gcUsage(args, { cwd: folder, env });
  if (exitCode !== 0) throw new Error(`${args.join(" ")} ended with ${exitCode}: ${stderr}`);
  return stdout;
}

/** A lake's answer, as CSV lines without the header. */
async function linesOf(args: readonly string[]): Promise<string[]> {
  return (await well([...args, "--output", "csv"])).trim().split("\r\n");
}

describe.concurrent("a folder of several organizations' lakes", () => {
  it("is one set of tables in SQL, which start with the organization", async () => {
    const sum = "SELECT sum(requests) AS n FROM daily";
    const each = await Promise.all(
      ["acme", "globex"].map((name) => linesOf(["sql", sum, "--lake", join("lakes", name)])),
    );
    const all = await linesOf([
      "sql",
      "SELECT organization, sum(requests) AS n FROM daily GROUP BY 1 ORDER BY 1",
      ...IN,
    ]);
    expect(all).toEqual(["organization,n", `acme,${each[0]?.[1]}`, `globex,${each[1]?.[1]}`]);
    const columns = await linesOf(["sql", "SELECT * FROM usage LIMIT 1", ...IN]);
    expect(columns[0]).toMatch(/^organization,service,grouping,clientId/);
  });

  it("is answered for each organization separately", async () => {
    const ask = ["ask", "busy-clients", "--top", "2", ...DAYS];
    const answers = await Promise.all(
      ["acme", "globex"].map(async (name) =>
        (await linesOf([...ask, "--lake", join("lakes", name)])).map((line) => `${name},${line}`),
      ),
    );
    const [acmes = [], globexs = []] = answers;
    const expected = [
      (acmes[0] ?? "").replace("acme", "organization"),
      ...acmes.slice(1),
      ...globexs.slice(1),
    ];
    expect(expected).toHaveLength(5);
    expect(await linesOf([...ask, ...IN])).toEqual(expected);
    for (const which of ["globex", "Simulated Industries 8"]) {
      const lines = await linesOf([...ask, ...IN, "--organization", which]);
      expect(lines).toEqual([expected[0], ...expected.slice(3)]);
    }
  });

  it("reports the data behind each answer, as text and JSON", async () => {
    const ask = ["ask", "noisy-clients", ...DAYS, ...IN];
    const { stderr } = await gcUsage(ask, { cwd });
    for (const name of ["acme", "globex"])
      expect(stderr).toMatch(new RegExp(`^${name}: .* \\(jobs, client-uri-method\\)$`, "m"));
    const json = JSON.parse(await well([...ask, "--json"])) as Record<string, unknown>;
    expect(json).toMatchObject({
      period: { from: DAYS[1], to: LAST },
      coverage: null,
      series: [
        { organization: "acme", service: "jobs", coverage: { complete: true } },
        { organization: "globex", service: "jobs", coverage: { complete: true } },
      ],
    });
    const sql = JSON.parse(
      await well(["sql", "SELECT 1 AS n FROM daily LIMIT 1", "--json", ...IN]),
    ) as object;
    expect(sql).toMatchObject({ series: [{ organization: "acme" }, { organization: "globex" }] });
  });

  it("is answered for the days that all lakes have", async () => {
    const folder = await workFolder();
    await cp(join(cwd, "lakes"), join(folder, "lakes"), { recursive: true });
    // A lake that is one day behind.
    await rm(join(folder, "lakes", "globex", "usage", "granularity=day", `date=${LAST}`), {
      recursive: true,
    });
    const { exitCode, stderr } = await gcUsage(["ask", "busy-clients", ...IN], { cwd: folder });
    expect(exitCode).toBe(0);
    const period = `${DAYS[1]} to ${addDays(LAST, -1)}`;
    for (const name of ["acme", "globex"]) expect(stderr).toContain(`${name}: Busy clients, ${period}`);
    expect(stderr).toContain(
      `globex: The lake's newest day is ${addDays(LAST, -1)}. To fetch the days since then: gc-usage sync --lake lakes/globex`,
    );
    expect(stderr).not.toContain("acme: The lake's newest day");
    const strict = await gcUsage(["ask", "busy-clients", "--last", "2d", ...IN, "--require-complete"], {
      cwd: folder,
    });
    expect(strict.exitCode).toBe(12);
    expect(strict.stderr).toContain("globex: ");
  });

  it("lists the organizations if it does not have the requested one", async () => {
    const ask = ["ask", "busy-clients", "--organization", "initech"];
    const ran = await gcUsage([...ask, ...IN], { cwd });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain('has no lake "initech".\nUse one of: acme, globex.');
    const single = await gcUsage([...ask, "--lake", "lakes/acme"], { cwd });
    expect(single.exitCode).toBe(2);
    expect(single.stderr).toContain("lakes/acme is a single lake");
  });

  it("is not written to by any command; the error lists the lakes", async () => {
    const rows = join(cwd, "rows.json");
    await writeFile(rows, JSON.stringify([{ date: "2026-01-12", clientId: "c", requests: 3, status400: 0 }]));
    const before = await tree(join(cwd, "lakes"));
    const commands: string[][] = [
      ["sync", "--last", "1d", ...IN],
      ["sync", "--last", "1d", "--dry-run", ...IN],
      ["load", rows, "--granularity", "day", ...IN],
      ["upload", rows, "--granularity", "day", ...IN],
      ["copy", "lakes/acme", "lakes"],
      ["copy", "lakes", "elsewhere"],
    ];
    const ran: Ran[] = await Promise.all(commands.map((args) => gcUsage(args, { cwd, env: acme.env })));
    for (const [i, { exitCode, stdout, stderr }] of ran.entries()) {
      expect({ args: commands[i], exitCode, stdout }).toMatchObject({ exitCode: 8, stdout: "" });
      expect(stderr).toContain("lakes contains the lakes of 2 organizations (acme, globex)");
      expect(stderr).toContain("--lake lakes/acme");
    }
    expect(await tree(join(cwd, "lakes"))).toEqual(before);
  });

  it("accepts another lake by copying it", async () => {
    const folder = await workFolder();
    await cp(join(cwd, "lakes", "acme"), join(folder, "usage-lake"), { recursive: true });
    await well(["copy", "usage-lake", "lakes/acme"], {}, folder);
    expect(await readdir(join(folder, "lakes"))).toEqual(["acme"]);
    const [heading, ...lines] = await linesOfIn(folder, [
      "sql",
      "SELECT organization, count(*) AS n FROM usage GROUP BY 1",
      ...IN,
    ]);
    expect(heading).toBe("organization,n");
    expect(lines).toEqual([expect.stringMatching(/^acme,\d+$/)]);
    expect(JSON.parse(await readFile(join(folder, "lakes", "acme", "_gc-usage.json"), "utf8"))).toMatchObject(
      {
        organization: { name: "Simulated Industries 9" },
      },
    );
  });
});

async function linesOfIn(folder: string, args: readonly string[]): Promise<string[]> {
  return (await well([...args, "--output", "csv"], {}, folder)).trim().split("\r\n");
}
