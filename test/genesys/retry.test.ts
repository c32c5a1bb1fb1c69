import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gaveUp, parseRetryAfter, RETRY, type RetryPolicy, retryDelay } from "../../src/genesys/retry.ts";
import { GcUsageError } from "../../src/support/errors.ts";

const policy: RetryPolicy = { maxAttempts: 6, baseMs: 500, maxMs: 8_000, retryAfterCapMs: 180_000 };
const passing = new GcUsageError("service", "It failed.", { retryable: true });
const asking = (retryAfterMs: number): GcUsageError =>
  new GcUsageError("service", "Too many.", { retryable: true, details: { retryAfterMs } });

describe("the wait before the next attempt", () => {
  it("has a ceiling that doubles up to the maximum", () => {
    const ceilings = [1, 2, 3, 4, 5].map((attempt) => retryDelay(attempt, passing, policy, () => 1));
    expect(ceilings).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
    expect(retryDelay(9, passing, { ...policy, maxAttempts: 99 }, () => 1)).toBe(8_000);
  });

  it("is between zero and the ceiling", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, r) => {
          const ceiling = retryDelay(attempt, passing, policy, () => 1) ?? 0;
          expect(retryDelay(attempt, passing, policy, () => r)).toBeCloseTo(ceiling * r);
        },
      ),
    );
  });

  it("is at least what the server requested, plus a random extra", () => {
    expect(retryDelay(1, asking(7_000), policy, () => 0)).toBe(7_000);
    expect(retryDelay(5, asking(7_000), policy, () => 0.5)).toBe(7_250);
  });

  it("is our own if the server says 'at once'", () => {
    expect(retryDelay(3, asking(0), policy, () => 0.5)).toBe(1_000);
  });

  it("is undefined if the server requests more than the limit", () => {
    expect(retryDelay(1, asking(180_000), policy, () => 0)).toBe(180_000);
    expect(retryDelay(1, asking(180_001), policy, () => 0)).toBeUndefined();
  });

  it("is undefined after the last attempt, and for permanent errors", () => {
    expect(retryDelay(6, passing, policy, () => 0)).toBeUndefined();
    expect(retryDelay(1, new GcUsageError("permission", "No."), policy, () => 0)).toBeUndefined();
    expect(retryDelay(1, new Error("a bug"), policy, () => 0)).toBeUndefined();
  });

  it("follows Retry-After as far as Genesys's own gc does", () => {
    expect(RETRY.retryAfterCapMs).toBe(180_000);
  });
});

describe("giving up", () => {
  it("reports the attempts", () => {
    expect(gaveUp(passing, 6, policy)).toMatchObject({
      message: "It failed. Gave up after 6 attempts.",
      retryable: false,
    });
  });

  it("reports the wait that the server requested", () => {
    expect(gaveUp(asking(600_000), 1, policy)).toMatchObject({
      hint: "Run the same command again in 600 s.",
    });
  });

  it("leaves an error unchanged that was not retried", () => {
    const error = new GcUsageError("permission", "No.");
    expect(gaveUp(error, 1, policy)).toBe(error);
  });
});

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 20, 12, 0, 0);

  it("is in seconds or an HTTP date", () => {
    expect(parseRetryAfter("30", undefined, now)).toBe(30_000);
    expect(parseRetryAfter(" 0 ", undefined, now)).toBe(0);
    expect(parseRetryAfter("Fri, 20 Nov 2026 12:00:10 GMT", undefined, now)).toBe(10_000);
    expect(parseRetryAfter("Fri, 20 Nov 2026 11:00:00 GMT", undefined, now)).toBe(0);
  });

  it("may be in the text of the message instead", () => {
    const message = "Rate limit exceeded the maximum. Retry the request in [12] seconds";
    expect(parseRetryAfter(undefined, message, now)).toBe(12_000);
    expect(parseRetryAfter("soon", message, now)).toBe(12_000);
    expect(parseRetryAfter("3", message, now)).toBe(3_000);
  });

  it("is undefined if there is none", () => {
    expect(parseRetryAfter(undefined, "Slow down", now)).toBeUndefined();
    expect(parseRetryAfter("", undefined, now)).toBeUndefined();
  });

  it.each([
    "-1",
    "-5",
    "1.5",
    "1,5",
    "1e3",
    "0x10",
    "٣",
    "7 s",
    "soon",
    "99999999999999999999",
    "86401",
    "120, 120",
  ])("is ignored if it is the implausible %j", (header) => {
    expect(parseRetryAfter(header, undefined, now)).toBeUndefined();
  });

  it.each([
    ["Fri, 20 Nov 2026 12:00:10 GMT", 10_000],
    ["Friday, 20-Nov-26 12:00:10 GMT", 10_000],
    ["Fri Nov 20 12:00:10 2026", 10_000],
    ["fri, 20 nov 2026 12:00:10 gmt", 10_000],
    ["Fri, 20 Nov 2026 04:00:10 -0800", undefined],
    ["2026-11-20T12:00:10Z", undefined],
    ["Fri, 31 Nov 2026 12:00:10 GMT", undefined],
    ["Fri, 20 Nov 9999 12:00:10 GMT", undefined],
    ["Sun Nov  6 08:49:37 1994", 0],
  ])("reads %j as UTC, like all three forms of RFC 9110", (header, expected) => {
    expect(parseRetryAfter(header, undefined, now)).toBe(expected);
  });
});
