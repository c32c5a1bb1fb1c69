import { describe, expect, it } from "vitest";
import { nameInText, printable, quoted } from "../../src/support/printable.ts";

describe("bad input, quoted in a message", () => {
  it.each([
    ["text", '"text"'],
    ['say "a"', '"say \\"a\\""'],
    ["x".repeat(61), `"${"x".repeat(59)}…"`],
    ["\u001b[2J\u202eend\u0085", '"\\u001b[2J\\u202eend\\u0085"'],
    ["half \ud800", '"half \\ud800"'],
    [12, "12"],
    [null, "null"],
    [undefined, "undefined"],
    [[[1]], "a list"],
    [{ a: 1 }, "an object"],
  ])("%j is %s", (value, text) => {
    expect(quoted(value)).toBe(text);
  });

  it("is a number with all of its digits", () => {
    expect(quoted(2n ** 60n)).toBe("1152921504606846976");
  });

  it("shortens a name for a sentence between characters, and keeps nothing that acts on a terminal", () => {
    expect(nameInText("Nightly\n  export ")).toBe("Nightly export");
    expect(nameInText("\u202eevil\u001b[31m\u0007")).toBe("\ufffdevil\ufffd\ufffd");
    const family = "👩‍👩‍👧‍👦";
    expect(nameInText(family.repeat(20))).toBe(family.repeat(20));
    const long = nameInText(`${family} `.repeat(300));
    expect(long.length).toBeLessThan(400);
    expect(long.endsWith("…")).toBe(true);
    expect(nameInText(`a${"\u0301".repeat(100_000)}`).length).toBeLessThan(400);
  });

  it("removes control characters, except colors, tabs and line breaks", () => {
    expect(printable("a\tb\n\u001b[31mred\u001b[39m")).toBe("a\tb\n\u001b[31mred\u001b[39m");
    expect(printable("\u001b[2J\u001b]0;title\u0007\r\u009b1A\u202e")).toBe(
      "\ufffd[2J\ufffd]0;title\ufffd\ufffd\ufffd1A\ufffd",
    );
  });
});
