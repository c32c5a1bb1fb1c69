import { describe, expect, it } from "vitest";
import { printable, quoted } from "../../src/support/printable.ts";

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

  it("removes control characters, except colors, tabs and line breaks", () => {
    expect(printable("a\tb\n\u001b[31mred\u001b[39m")).toBe("a\tb\n\u001b[31mred\u001b[39m");
    expect(printable("\u001b[2J\u001b]0;title\u0007\r\u009b1A\u202e")).toBe(
      "\ufffd[2J\ufffd]0;title\ufffd\ufffd\ufffd1A\ufffd",
    );
  });
});
