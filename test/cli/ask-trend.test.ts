import { beforeAll, describe, expect, test } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const ROW = {
  clientId: "a",
  clientName: "Old",
  templateUri: "/x",
  httpMethod: "GET",
  requests: 6n,
  status429: 1n,
};
let lake: string;

beforeAll(async () => {
  lake = await makeLake([
    slice("2026-10-01", [ROW, { ...ROW, clientId: "b", clientName: "Beta", requests: 2n }]),
    slice("2026-10-02", [{ ...ROW, clientName: "Alpha", httpMethod: "PUT", status429: 0n }]),
    // A day on which nothing happened, and a day that is not in the lake.
    slice("2026-10-03", []),
    slice("2026-10-05", [{ ...ROW, clientId: "c", clientName: "Gamma", requests: 1n, templateUri: "/y" }]),
  ]);
});

const DAYS = ["--from", "2026-10-01", "--to", "2026-10-05", "--allow-partial"];
const ask = (...args: string[]) =>
  gcUsage(["ask", "trend", ...DAYS, "--lake", lake, "--output", "csv", ...args]);
const linesOf = ({ stdout }: { stdout: string }) => stdout.trim().split("\r\n");

describe.concurrent("ask trend", () => {
  test("has a row for each covered day and each of the top clients, with 0 where there were no requests", async () => {
    expect(linesOf(await ask("--top", "2"))).toEqual([
      "day,value,name,requests,share_pct,status429",
      "2026-10-01,a,Alpha,6,75,1",
      "2026-10-01,b,Beta,2,25,1",
      "2026-10-02,a,Alpha,6,100,0",
      "2026-10-02,b,Beta,0,0,0",
      "2026-10-03,a,Alpha,0,0,0",
      "2026-10-03,b,Beta,0,0,0",
      "2026-10-05,a,Alpha,0,0,0",
      "2026-10-05,b,Beta,0,0,0",
    ]);
  });

  test("splits by another dimension, and within filters", async () => {
    const byMethod = linesOf(await ask("--by", "Method", "--top", "1", "--client", "beta"));
    expect(byMethod.slice(1, 3)).toEqual(["2026-10-01,GET,,2,100,1", "2026-10-02,GET,,0,0,0"]);
    const byEndpoint = linesOf(await ask("--by", "endpoint", "--to", "2026-10-01"));
    expect(byEndpoint.slice(1)).toEqual(["2026-10-01,/x,,8,100,2"]);
  });

  test("explains values and rows that it cannot use", async () => {
    const unknown = await ask("--by", "color");
    expect(unknown).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unknown.stderr).toContain(
      'Invalid --by: "color" (expected client, user, endpoint, method or platform).',
    );
    const user = await ask("--by", "user");
    expect(user).toMatchObject({ exitCode: 9, stdout: "" });
    expect(user.stderr).toContain("The lake has no days split by user, which trend needs.");
    expect(user.stderr).toContain("gc-usage sync --group-by client,user,uri,method");
    expect((await gcUsage(["ask", "busy-clients", "--by", "user", "--lake", lake])).stderr).toContain(
      "The question busy-clients does not accept --by.",
    );
  });
});
