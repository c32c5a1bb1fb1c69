import { describe, expect, inject, it } from "vitest";
import { type Day, eachDay } from "../../src/usage/day.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { deploy, gcUsage } from "./cli.ts";

const aws = inject("aws");
const FIRST = "2026-09-01" as Day;
const LAST = "2026-10-10" as Day;

function row(clientId: string, requests: bigint) {
  const none = { status300: 0n, status400: 0n, status500: 0n, status429: 0n };
  return { clientId, clientName: `Client ${clientId}`, status200: requests, requests, ...none };
}

describe("fair-use and reconcile on a lake in AWS", async () => {
  const folder = await makeLake(
    eachDay(FIRST, LAST).flatMap((day) => [
      slice(day, [row("a", 1000n), row("b", 500n)], { service: "legacy", grouping: "client" }),
      slice(day, [row("a", 1000n), row("b", day === "2026-10-02" ? 499n : 500n), row("purecloud", 9n)], {
        grouping: "client",
      }),
    ]),
  );
  await deploy(aws, "fair", "--parameter", `FirstDay=${FIRST}`);
  const copied = await gcUsage(aws, ["copy", folder, "--stack", "fair"]);
  expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });

  it.each([
    ["fair-use", ["--offline", "--allowance", "40000"], 0],
    ["reconcile", ["--last", "20d"], 13],
  ])("%s finds the same with Athena as with DuckDB", async (command, args, exitCode) => {
    const found = async (where: readonly string[]): Promise<object> => {
      const ran = await gcUsage(aws, [command, ...where, "--to", LAST, "--json", ...args]);
      expect(ran, ran.stderr).toMatchObject({ exitCode });
      const report = JSON.parse(ran.stdout) as Record<string, unknown>;
      // These name the lake and the engine.
      const { lake: _lake, basis: _basis, left, right, ...facts } = report;
      return { ...facts, sides: [left, right].map((side) => (side as { missing?: unknown })?.missing) };
    };
    const athena = ["--stack", "fair", "--engine", "athena"];
    expect(await found(athena)).toEqual(await found(["--lake", folder]));
  });
});
