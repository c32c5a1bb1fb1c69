import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { startUsageService, type UsageService } from "../helpers/usage-service.ts";

/** Does what CONTRIBUTING.md says, in a copy of the sources. */

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const YESTERDAY = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

let copy: string;
let service: UsageService;

beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), "../gc-usage-extending-"));
  for (const name of ["src", "package.json", "tsconfig.json", "tsconfig.build.json"])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  mkdirSync(join(copy, "dist"));
  service = await startUsageService(({ query }) => {
    const isSplit = JSON.stringify(service.submitted[query - 1]).includes("EdgeRegion");
    const split = [
      { edgeRegion: "eu", requestCount: 10 },
      { edgeRegion: "us", requestCount: 11 },
    ];
    const rows = isSplit ? split : [{ requestCount: 21 }];
    const client = { date: `${YESTERDAY}T00:00:00.000Z`, oauthClient: { id: "client-1", name: "Dialer" } };
    return { body: { queryStatus: "Succeeded", entities: rows.map((row) => ({ ...client, ...row })) } };
  });
});

afterAll(() => rm(copy, { recursive: true, force: true }));

function edit(file: string, before: string, added: string): void {
  const path = join(copy, file);
  const text = readFileSync(path, "utf8");
  expect(text.split(before)).toHaveLength(2);
  writeFileSync(path, text.replace(before, added + before));
}

async function build(): Promise<void> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const options = ["-p", "tsconfig.build.json", "--declaration", "false", "--outDir", "dist"];
  const { stdout } = await execa(process.execPath, [tsc, ...options], { cwd: copy, reject: false });
  expect(stdout).toBe("");
}

/** Runs the copy's command. */
function extended(args: readonly string[]) {
  const env = { PATH: process.env["PATH"] ?? "", HOME: copy, TMPDIR: tmpdir(), ...service.env };
  const options = { cwd: copy, env, extendEnv: false, reject: false };
  return execa(process.execPath, [join(copy, "dist/cli/bin.js"), ...args], options);
}

/** Runs this version's command in the same folder. */
const original = (args: readonly string[]) => gcUsage(args, { cwd: copy, env: service.env });

test("a new dimension takes an entry in the table of columns and its names in a service", async () => {
  const sync = [
    "sync",
    "--from",
    YESTERDAY,
    "--to",
    YESTERDAY,
    "--recheck",
    "0",
    "--lake",
    "lake",
    "--group-by",
  ];
  expect(await original([...sync, "client"])).toMatchObject({ exitCode: 0 });
  edit(
    "src/usage/columns.ts",
    '  {\n    name: "status200",',
    `  {
    name: "edgeRegion",
    kind: "dimension",
    dimension: "edge",
    type: "varchar",
    field: { nested: "edgeRegion" },
    since: 3,
    description: "Region of the edge that the requests went through",
  },
`,
  );
  edit("src/usage/services/jobs.ts", '    platform: ["Platform"],\n', '    edge: ["EdgeRegion"],\n');
  await build();
  const synced = await extended([...sync, "client,edge"]);
  expect(synced).toMatchObject({ exitCode: 0 });
  expect(service.submitted.at(-1)).toMatchObject({
    groupBy: ["OauthClientId", "OauthClientName", "EdgeRegion"],
  });
  const sql =
    "SELECT edgeRegion, sum(requests) AS n FROM usage WHERE \"grouping\" = 'client-edge' GROUP BY 1 ORDER BY 1";
  expect(await extended(["sql", sql, "--lake", "lake", "--output", "csv"])).toMatchObject({
    stdout: "edgeRegion,n\r\neu,10\r\nus,11",
  });
  const asked = await extended(["ask", "busy-clients", "--edge", "us", "--lake", "lake", "--output", "csv"]);
  expect(asked.stdout).toContain(",11,100");
  // An older lake is read, with NULL in the new column. The older program reads the new slices, and does not replace them.
  const old = "SELECT count(*) AS n, count(edgeRegion) AS known FROM usage WHERE \"grouping\" = 'client'";
  expect((await extended(["sql", old, "--lake", "lake", "--output", "csv"])).stdout).toBe("n,known\r\n1,0");
  const status = await original(["status", "--lake", "lake"]);
  expect(status.exitCode).toBe(0);
  expect(status.stdout).toContain("client-edge");
});

test("a new question takes one file", async () => {
  writeFileSync(
    join(copy, "src/questions/sql/first-letters.sql"),
    `-- Requests by the first letter of the client's name.
-- title: First letters
-- needs: client
-- columns: letter text, requests integer

SELECT substr(clientName, 1, 1) AS letter, sum(requests) AS requests
FROM usage
WHERE granularity = :granularity AND service = :service AND "grouping" = :grouping AND date BETWEEN :from AND :to
GROUP BY 1
ORDER BY 1
`,
  );
  expect((await extended(["ask"])).stdout).toContain("Requests by the first letter of the client's name.");
  const answer = ["ask", "first-letters", "--group-by", "client", "--lake", "lake", "--output", "csv"];
  expect(await extended(answer)).toMatchObject({ stdout: "letter,requests\r\nD,21" });
});
