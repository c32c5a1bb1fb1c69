import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

describe("rows", () => {
  it("prints the same as jq -c for a response, compact or indented", async () => {
    const cwd = await workFolder();
    const row = fc.record({
      clientId: fc.uuid(),
      clientName: fc.string({ unit: "grapheme" }),
      status200: fc.maxSafeNat(),
      deep: fc.record({ id: fc.constantFrom(null, "x", "[,]") }),
    });
    const rows = fc.sample(fc.array(row, { minLength: 300, maxLength: 300 }), 1)[0] ?? [];
    for (const [member, indent] of [
      ["results", undefined],
      ["entities", 2],
    ] as const) {
      const ran = await gcUsage(["rows"], {
        cwd,
        input: JSON.stringify({ [member]: rows, queryStatus: "Complete" }, null, indent),
      });
      expect(ran).toEqual({
        exitCode: 0,
        stderr: "",
        stdout: rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
      });
    }
  });

  it.each([
    ["", 2, /Expected JSON, but got no data/],
    ['{"results":[{"requests":1}', 2, /truncated/],
    ["<html>", 2, /HTML/],
    [
      '{"queryStatus":"Running"}',
      7,
      /standard input is the response of a query that is still Running: it has no results yet/,
    ],
    [
      '{"queryStatus":"Failed"}',
      6,
      /a query that ended with status Failed: it has no results\.\nSubmit the query again\./,
    ],
    [
      "[]",
      2,
      /standard input is an empty list, so it is unclear whether the query has completed\.\nWith `-a`, gc prints \[\]/,
    ],
    [
      '{"message":"no","code":"not.found","status":404}',
      2,
      /Row 1 is not a usage row: it has none of the metrics/,
    ],
    ["{}", 2, /Row 1 is not a usage row/],
    ['[{"requests":1},{"a":1}]', 2, /Row 2 is not a usage row/],
    ['{"queryStatus":"Odd"}', 5, /unknown status "Odd"/],
    ["[1]", 2, /not a response of the usage API/],
  ])("ends %j with %i", async (input, exitCode, message) => {
    const ran = await gcUsage(["rows", "-"], { cwd: await workFolder(), input });
    expect(ran.exitCode).toBe(exitCode);
    expect(ran.stderr).toMatch(message);
  });

  it("reads a file, and reports if it cannot", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "a.json"), '{"results":[],"queryStatus":"Complete"}');
    expect(await gcUsage(["rows", "a.json"], { cwd })).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect((await gcUsage(["rows", "b.json"], { cwd })).stderr).toMatch(
      /Cannot read b.json: no such file or folder/,
    );
  });
});
