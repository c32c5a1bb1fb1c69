import { expect, test } from "vitest";
import { Access } from "../../src/sandbox/access.ts";

test("a window lasts 60 seconds, never 61, whatever the fractions of the clock", () => {
  let now = 0;
  const credentials = { clientId: "id", clientSecret: "secret", permissions: [] };
  const options = { seed: 1, rateLimit: 300, tokenTtl: 86_400, monotonic: () => now };
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    now = i * 7.1;
    const access = new Access([credentials], options);
    const token = access.authenticate(`Bearer ${String(access.signIn("id", "secret")?.["access_token"])}`);
    seen.add(access.take(token).resetSeconds);
    now += 59_999;
    seen.add(access.take(token).resetSeconds);
  }
  expect(seen).toEqual(new Set([60, 1]));
});
