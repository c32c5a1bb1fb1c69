import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const row = (clientId: string, httpMethod: string, templateUri: string, requests: bigint) => ({
  clientId,
  clientName: `Name of ${clientId}`,
  httpMethod,
  templateUri,
  requests,
  status429: 0n,
});
const ROWS = [
  row("a", "GET", "/api/v2/flows", 1n),
  row("b", "POST", "/api/v2/flows", 2n),
  row("b", "GET", "/api/v2/flows/{flowId}", 4n),
  row("c", "GET", "/api/v2/users", 8n),
];
let lake: string;
beforeAll(async () => {
  lake = await makeLake([slice("2026-10-01", ROWS)]);
});

async function ask(text: string, ...args: string[]) {
  const file = join(await workFolder(), "announced.txt");
  await writeFile(file, text);
  return await gcUsage(["ask", "paths", "--lake", lake, "--paths-file", file, ...args]);
}

describe("gc-usage ask --paths-file", () => {
  it("answers for the endpoints of the file, names the lines that were not called, and keeps both in the envelope", async () => {
    const ran = await ask(
      "# from 2027-01-01\nGET /api/v2/flows\n/flows/{id}\n\n/api/v2/routing/*\n",
      "--json",
    );
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("only 2 endpoints of the paths");
    expect(ran.stderr).toContain("Not called in the period:\n  /api/v2/routing/*\n");
    expect(ran.stderr).not.toContain("None of the paths");
    const answer = JSON.parse(ran.stdout) as { rows: object[] };
    expect(answer).toMatchObject({
      filters: [
        { dimension: "uri", value: "/api/v2/flows", method: "GET", name: null },
        { dimension: "uri", value: "/api/v2/flows/{flowId}" },
      ],
      paths: [
        { path: "GET /api/v2/flows", endpoints: 1 },
        { path: "/flows/{id}", endpoints: 1 },
        { path: "/api/v2/routing/*", endpoints: 0 },
      ],
    });
    expect(answer.rows).toMatchObject([
      { template_uri: "/api/v2/flows/{flowId}", client_id: "b", requests: 4 },
      { template_uri: "/api/v2/flows", client_id: "a", requests: 1, share_pct: 100 },
    ]);
  });

  it("applies the paths in the SQL, together with other filters", async () => {
    const { stdout } = await ask("/flows**", "--client", "b", "--print-sql");
    expect(stdout).toContain("clientId = 'b'");
    expect(stdout).toContain("templateUri IN ('/api/v2/flows', '/api/v2/flows/{flowId}')");
  });

  it("is empty, and says so, if nothing in the file was called", async () => {
    const ran = await ask("/api/v2/routing/*", "--json");
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ filters: [], paths: [{ endpoints: 0 }], rows: [] });
    expect(ran.stderr).toContain(
      "warning: None of the paths was called in the period, so the answer is empty.",
    );
  });

  it.each([
    [["--paths-file", "missing.txt"], 'Cannot read --paths-file "missing.txt": no such file or folder.'],
    [["--paths-file", "."], 'Cannot read --paths-file ".": it is a folder.'],
    [
      ["--paths-file", "missing.txt", "--endpoint", "/x"],
      "--endpoint and --paths-file both choose endpoints.",
    ],
    [["--paths-file", ""], 'Cannot read --paths-file ""'],
  ])("rejects %j", async (args, message) => {
    const ran = await gcUsage(["ask", "paths", "--lake", lake, ...args]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  it("rejects a line that is not a path, with its number", async () => {
    const ran = await ask("/flows\nFETCH /users\n");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(/Line 2 of --paths-file ".*": "FETCH \/users" is not a path\./);
  });
});
