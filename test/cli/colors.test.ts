import { describe, expect, it } from "vitest";
import { wantsColour } from "../../src/cli/colors.ts";
import { gcUsage } from "../helpers/cli.ts";

describe("colour", () => {
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
  ])("with %j and a terminal: %s is wanted: %s", (env, isTTY, wanted) => {
    expect(wantsColour({ isTTY }, env)).toBe(wanted);
  });

  it.each([
    [{ CI: "true", GITHUB_ACTIONS: "true" }, false],
    [{ FORCE_COLOR: "1" }, true],
  ])("with %j, in a pipe: %s, in data and in errors", async (env, coloured) => {
    const data = await gcUsage(["ask"], { env });
    const error = await gcUsage(["status", "--lake", "nowhere"], { env });
    expect(data.stdout.includes("\u001b[")).toBe(coloured);
    expect(error.stderr.includes("\u001b[")).toBe(coloured);
  });
});
