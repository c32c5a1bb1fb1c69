import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

const SYNC = ["sync", "--last", "2d", "--group-by", "client,user"];
const NAMES = "_gc-usage-names.json";

interface NamesFile {
  users: Record<string, { name: string | null }>;
  refusedAt?: string;
}

let sandbox: Sandbox;
let cwd: string;
const ask = (...args: string[]) => gcUsage(["ask", "busy-users", "--top", "3", ...args], { cwd });
const namesIn = (lake: string): NamesFile =>
  JSON.parse(readFileSync(join(cwd, lake, NAMES), "utf8")) as NamesFile;

beforeAll(async () => {
  sandbox = await startSandbox({ jobDelayMs: 1 });
  cwd = await workFolder();
  const synced = await gcUsage(SYNC, { cwd, env: sandbox.env });
  expect(synced).toMatchObject({ exitCode: 0 });
});
afterAll(() => sandbox.close());

describe("users' names", () => {
  it("are read by sync, kept in the lake, and shown by ask", async () => {
    const { users } = namesIn("usage-lake");
    const { stdout } = await ask("--json");
    const { rows } = JSON.parse(stdout) as { rows: Record<string, unknown>[] };
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      const name = users[String(row["user_id"])]?.name;
      expect(name).toMatch(/^\p{Lu}\p{L}+ \p{Lu}\p{L}+$/u);
      expect(Object.entries(row).slice(0, 2)).toEqual([
        ["user_id", row["user_id"]],
        ["user_name", name],
      ]);
    }
    // Neither verify nor status takes the file for data.
    expect(await gcUsage(["verify"], { cwd })).toMatchObject({ exitCode: 0 });
    expect((await gcUsage(["status", "--json"], { cwd })).stdout).not.toContain(NAMES);
  });

  it("are accepted by --user, also in part and as labels, and shown by trend", async () => {
    const [id = "", { name = "" } = {}] = Object.entries(namesIn("usage-lake").users)[0] ?? [];
    const whole = await ask("--user", name?.toUpperCase() ?? "", "--output", "csv");
    expect(whole.stdout.split("\r\n")[1]).toContain(`${id},${name},`);
    expect(whole.stderr).toContain(`, only user ${name} (${id}) (jobs, client-user)`);
    writeFileSync(join(cwd, "mine.csv"), `id,label\n${id},Night shift bot\n`);
    const labels = ["--labels", "mine.csv", "--user", "night shift"];
    expect((await ask(...labels)).stderr).toContain(`only user Night shift bot (${id})`);
    const trend = await gcUsage(["ask", "trend", "--by", "user", ...labels, "--output", "csv"], { cwd });
    expect(trend.stdout.split("\r\n")[1]).toContain(`,${id},Night shift bot,`);
    const sql = ["sql", "SELECT DISTINCT userId FROM usage", "--user", name ?? "", "--output", "csv"];
    expect((await gcUsage(sql, { cwd })).stdout).toBe(`userId\r\n${id}\r\n`);
  });

  it("are read once: a later sync makes no further calls for them", async () => {
    const before = sandbox.counts()["users"] ?? 0;
    expect(before).toBeGreaterThan(0);
    await gcUsage([...SYNC, "--refetch"], { cwd, env: sandbox.env });
    expect(sandbox.counts()["users"]).toBe(before);
  });

  it("stay ids if the token may not read users: sync reports the permission once, and does not fail", async () => {
    const other = sandbox.others.find(({ permissions }) => permissions.includes("oauth:client:view"));
    const env = {
      ...sandbox.env,
      GENESYSCLOUD_OAUTHCLIENT_ID: other?.clientId ?? "",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: other?.clientSecret ?? "",
    };
    const sync = [...SYNC, "--service", "legacy", "--lake", "refused"];
    const first = await gcUsage(sync, { cwd, env });
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stderr).toContain(
      "Users are shown by their ids: the token does not have the permission directory:user:view.",
    );
    const again = await gcUsage([...sync, "--refetch"], { cwd, env });
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stderr).not.toContain("Users are shown");
    expect(namesIn("refused")).toMatchObject({ users: {} });
    const { rows } = JSON.parse((await ask("--lake", "refused", "--json")).stdout) as {
      rows: { user_name: unknown }[];
    };
    expect(rows.map(({ user_name }) => user_name)).toEqual([null, null, null]);
    // A week later, or after the file is removed, a sync with the permission reads all names.
    const old = { ...namesIn("refused"), refusedAt: "2020-01-01T00:00:00.000Z", later: [1] };
    writeFileSync(join(cwd, "refused", NAMES), JSON.stringify(old));
    await gcUsage([...sync, "--refetch"], { cwd, env: sandbox.env });
    expect(namesIn("refused").refusedAt).toBeUndefined();
    expect(Object.keys(namesIn("refused").users).length).toBeGreaterThan(10);
    expect(namesIn("refused")).toMatchObject({ later: [1] });
  });
});

describe("labels and owners", () => {
  const file = (name: string, text: string): string => {
    writeFileSync(join(cwd, name), text);
    return name;
  };

  it("are shown for clients and users: from --labels, else GC_USAGE_LABELS, else the lake's labels.csv", async () => {
    const { rows } = JSON.parse((await ask("--json")).stdout) as {
      rows: { user_id: string; user_name: string }[];
    };
    const [first, second] = rows.map((row) => row.user_id);
    const csv = (label: string): string =>
      `\ufeffOwner, Id ,label\r\n"Sales, EMEA",${first?.toUpperCase()},${label}\r\n\r\nOps,${second},\r\nCRM team,purecloud,Web client\r\n`;
    file("usage-lake/labels.csv", csv("in the lake"));
    const env = { GC_USAGE_LABELS: file("variable.csv", csv("variable")) };
    const option = file("option.csv", csv("option"));
    const run = (args: string[], env = {}) =>
      gcUsage(["ask", "busy-users", "--top", "2", "--output", "csv", ...args], { cwd, env });
    const [lake, variable, flag] = [await run([]), await run([], env), await run(["--labels", option], env)];
    expect(lake.stdout.split("\r\n")[0]).toMatch(/^user_id,user_name,owner,requests,/);
    expect(lake.stdout).toContain(`${first},in the lake,"Sales, EMEA",`);
    expect(lake.stdout).toContain(`${second},${rows[1]?.user_name},Ops,`);
    expect(variable.stdout).toContain(`${first},variable,`);
    expect(flag.stdout).toContain(`${first},option,`);
    const clients = await gcUsage(["ask", "busy-clients", "--output", "csv"], { cwd });
    expect(clients.stdout).toMatch(
      /^client_id,client_name,owner,requests.*\r\npurecloud,Web client,CRM team,/m,
    );
    expect((await gcUsage(["status", "--json"], { cwd })).stdout).not.toContain("labels.csv");
  });

  it.each([
    ["no file", undefined, `Cannot read the labels file "bad.csv" (from --labels): no such file or folder.`],
    ["an empty file", "", "line 1 is empty"],
    ["no heading", "x1,Nightly,Data\n", 'line 1 has the unknown column "x1"'],
    ["no id column", "label,owner\na,b\n", "line 1 does not have the column id"],
    ["a column twice", "id,label,label\n", "line 1 names a column twice"],
    ["a missing field", "id,label,owner\n1,a,b\n2,a\n", "line 3 has 2 fields instead of 3"],
    ["no id", "id,label\n,a\n", "line 2 has no id"],
    ["an id twice", "id,label\nA,a\nb,c\na,d\n", 'line 4 repeats the id "a" of line 2'],
    ["an open quotation mark", 'id,label\n1,"a\n2,b\n', "has a quotation mark in a wrong place"],
  ])("with %s are one error with its line", async (_name, text, message) => {
    if (text !== undefined) file("bad.csv", text);
    const { exitCode, stdout, stderr } = await ask("--labels", "bad.csv");
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});
