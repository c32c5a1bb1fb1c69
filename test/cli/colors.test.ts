import { describe, expect, it } from "vitest";
import { wantsColor } from "../../src/cli/colors.ts";
import { gcUsage } from "../helpers/cli.ts";

describe("colors", () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ CI: "true" }, false, false],
    [{ TERM: "dumb" }, true, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
  ])("with %j and a terminal: %s are used: %s", (env, isTTY, wanted) => {
    expect(wantsColor({ isTTY }, env)).toBe(wanted);
  });

  it.each([
    [{ CI: "true", GITHUB_ACTIONS: "true" }, false],
    [{ FORCE_COLOR: "1" }, true],
  ])("with %j, in a pipe: %s, in data and in errors", async (env, colored) => {
    const data = await gcUsage(["ask"], { env });
    const error = await gcUsage(["status", "--lake", "nowhere"], { env });
    expect(data.stdout.includes("\u001b[")).toBe(colored);
    expect(error.stderr.includes("\u001b[")).toBe(colored);
  });
});
