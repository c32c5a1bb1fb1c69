import { describe, expect, it } from "vitest";
import { didYouMean, meant, nearest } from "../../src/support/nearest.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

describe("suggestions for a mistyped name", () => {
  it("are up to three known words that differ in few letters, the closest first", () => {
    const commands = ["status", "sync", "sql", "submit", "ask", "aws"];
    expect(nearest("statsu", commands)).toEqual(["status"]);
    expect(nearest("SYNK", commands)).toEqual(["sync"]);
    expect(nearest("busy-cleints", ["busy-clients", "busy-users", "busy-endpoints"])).toEqual([
      "busy-clients",
    ]);
    expect(nearest("aaa", ["aab", "aac", "aad", "aae"])).toEqual(["aab", "aac", "aad"]);
    expect(nearest("entirely-else", commands)).toEqual([]);
    expect(nearest("", commands)).toEqual([]);
  });

  it("never replace every letter of a short word", () => {
    expect(nearest("xy", ["ab"])).toEqual([]);
    expect(nearest("zzz", ["ask"])).toEqual([]);
  });

  it("are a question, with each word as it is to be typed", () => {
    expect(didYouMean("lak", ["lake"], (word) => `--${word}`)).toBe("Did you mean --lake?");
    expect(didYouMean("nothing", ["lake"])).toBeUndefined();
    expect(meant(["a", "b", "c"])).toBe("Did you mean a, b or c?");
  });
});

describe("a mistyped name has the same kind of hint everywhere", () => {
  it.each([
    [["asc"], "Did you mean ask or aws?"],
    [["ask", "busy-cleints"], "Did you mean busy-clients?"],
    [["ask", "busy-clients", "--tpo", "3"], "Did you mean --to or --top?"],
    [["ask", "busy-clients", "--engine", "athna"], "Did you mean athena?"],
    [["sync", "--dry-run", "--service", "job"], "Did you mean jobs? Use jobs or legacy."],
    [["sync", "--dry-run", "--granularity", "mont"], "Did you mean month?"],
    [["sync", "--dry-run", "--group-by", "clint,uri"], "Did you mean client?"],
    [
      ["submit", "--dry-run", "--interval", "2026-01/2026-02", "--metrics", "Status42"],
      "Did you mean Status429 or Status400?",
    ],
    [["sync", "--region", "us-eats-1"], "Did you mean us-east-1"],
  ])("%j", async (args, hint) => {
    const { exitCode, stderr } = await gcUsage(args, {
      cwd: await workFolder(),
      env: { GENESYSCLOUD_ACCESS_TOKEN: "sandbox_token_of_nobody" },
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(hint);
  });
});
