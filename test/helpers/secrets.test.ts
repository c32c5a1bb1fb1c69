import { expect, it } from "vitest";
import { leakIn } from "./secrets.ts";

const SECRET = "sandbox_secret_vwpc0Rtfo5KZ";

it.each([
  ["plain", SECRET],
  ["in a URL", `https://x/?s=${encodeURIComponent(SECRET)}&t=1`],
  ["in JSON in JSON", JSON.stringify(JSON.stringify({ s: SECRET }))],
  ["hexadecimal", Buffer.from(SECRET).toString("hex")],
  ...["", "a", "ab", "abc", "5e8b1c:", "0ca193aa-43e9-4037-b0db-5ccc0d73f644:"].map(
    (before): [string, string] => [
      `in Base64 after ${JSON.stringify(before)}`,
      `Basic ${Buffer.from(before + SECRET).toString("base64")}`,
    ],
  ),
])("finds a secret %s", (_form, text) => {
  expect(leakIn(`before ${text} after`)).toBeDefined();
});

it("finds nothing in a text without secrets", () => {
  expect(leakIn("the sandbox's secret: [redacted], c2FuZGJveA==")).toBeUndefined();
});
