import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Grant, parseRateLimit, type RateLimit, RateWindow } from "../../src/genesys/limiter.ts";
import { clientFor, sendJson, startServer } from "./server.ts";

/** A service that counts calls in fixed windows and rejects those above its limit. */
class FixedWindow {
  readonly #allowed: number;
  readonly #windowMs: number;
  readonly #round: (seconds: number) => number;
  #window = -1;
  #count = 0;
  refused = 0;
  taken = 0;

  constructor(allowed: number, windowMs: number, round: (seconds: number) => number) {
    this.#allowed = allowed;
    this.#windowMs = windowMs;
    this.#round = round;
  }

  arrive(now: number): RateLimit {
    const window = Math.floor(now / this.#windowMs);
    if (window !== this.#window) {
      this.#window = window;
      this.#count = 0;
    }
    this.#count++;
    if (this.#count > this.#allowed) this.refused++;
    else this.taken++;
    const seconds = ((window + 1) * this.#windowMs - now) / 1000;
    return { count: this.#count, allowed: this.#allowed, resetMs: this.#round(seconds) * 1000 };
  }
}

interface Event {
  readonly at: number;
  readonly run: (now: number) => void;
}

/** Runs `calls` calls by `callers` callers through a RateWindow against a FixedWindow, in simulated time. */
function simulate(options: {
  allowed: number;
  windowMs: number;
  callers: number;
  calls: number;
  latencies: readonly number[];
  round: (seconds: number) => number;
  lost: readonly boolean[];
}): { service: FixedWindow; elapsedMs: number } {
  const service = new FixedWindow(options.allowed, options.windowMs, options.round);
  const window = new RateWindow();
  const events: Event[] = [];
  const at = (time: number, run: Event["run"]): void => {
    events.push({ at: time, run });
  };
  let begun = 0;
  let done = 0;
  let idle = options.callers;
  let n = 0;
  const pump = (now: number): void => {
    while (idle > 0 && begun < options.calls) {
      const taken = window.take(now);
      if (typeof taken === "number") {
        if (Number.isFinite(taken)) at(now + Math.max(taken, 1), pump);
        return;
      }
      idle--;
      begun++;
      depart(now, taken);
    }
  };
  const depart = (now: number, grant: Grant): void => {
    const there = options.latencies[n % options.latencies.length] ?? 1;
    const back = options.latencies[(n * 7 + 3) % options.latencies.length] ?? 1;
    const lost = options.lost[n % options.lost.length] ?? false;
    n++;
    at(now + there, (arrival) => {
      const limit = service.arrive(arrival);
      at(arrival + back, (end) => {
        window.settle(grant, lost ? undefined : limit, end);
        idle++;
        done++;
        pump(end);
      });
    });
  };
  let now = 0;
  pump(now);
  for (let guard = 0; done < options.calls; guard++) {
    if (guard > 2_000_000) throw new Error("no progress");
    events.sort((a, b) => b.at - a.at);
    const next = events.pop();
    if (!next) throw new Error("stuck: nothing is going to happen");
    now = next.at;
    next.run(now);
  }
  return { service, elapsedMs: now };
}

describe("the rate window", () => {
  it("never causes a 429, whatever the latencies, the rounding of the headers and the lost responses", () => {
    fc.assert(
      fc.property(
        fc.record({
          allowed: fc.integer({ min: 40, max: 400 }),
          windowMs: fc.constantFrom(5_000, 10_000, 60_000),
          callers: fc.integer({ min: 1, max: 10 }),
          calls: fc.integer({ min: 1, max: 1_500 }),
          latencies: fc.array(fc.integer({ min: 1, max: 800 }), { minLength: 1, maxLength: 20 }),
          round: fc.constantFrom(Math.floor, Math.ceil, (seconds: number) => seconds),
          lost: fc
            .array(
              fc.nat(19).map((x) => x === 0),
              { minLength: 1, maxLength: 40 },
            )
            .map((lost) => [false, ...lost]),
        }),
        (options) => {
          const { service } = simulate(options);
          expect(service.refused).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("uses almost all of the allowance", () => {
    const { elapsedMs } = simulate({
      allowed: 300,
      windowMs: 60_000,
      callers: 8,
      calls: 2_850,
      latencies: [20, 50, 90],
      round: Math.ceil,
      lost: [false],
    });
    expect(elapsedMs).toBeLessThan(10 * 61_500);
  });

  it("respects the documented limit with few concurrent calls without headers", () => {
    const window = new RateWindow();
    const grants: Grant[] = [];
    for (let taken = window.take(0); typeof taken !== "number"; taken = window.take(0)) grants.push(taken);
    expect(grants).toHaveLength(10);
    for (const grant of grants) window.settle(grant, undefined, 1);
    let calls = 10;
    for (let taken = window.take(1); typeof taken !== "number"; taken = window.take(1)) {
      calls++;
      window.settle(taken, undefined, 1);
    }
    expect(calls).toBe(285);
    expect(window.take(1)).toBe(59_999);
    expect(typeof window.take(60_000)).not.toBe("number");
  });

  it("starts no calls while it is paused", () => {
    const window = new RateWindow();
    window.pause(7_000, 1_000);
    window.pause(2_000, 1_000);
    expect(window.take(1_000)).toBe(7_000);
    expect(window.take(7_999)).toBe(1);
    expect(typeof window.take(8_000)).not.toBe("number");
  });

  it("counts other clients' calls with the same token", () => {
    const window = new RateWindow();
    const first = window.take(0);
    if (typeof first === "number") throw new Error("expected a grant");
    window.settle(first, { count: 283, allowed: 300, resetMs: 30_000 }, 100);
    const taken = [window.take(100), window.take(100), window.take(100)];
    expect(taken.map((grant) => typeof grant)).toEqual(["object", "object", "number"]);
  });
});

describe("the limiter", () => {
  it("completes 40 calls each for 10 callers, with 50 calls per window, without a 429", async () => {
    const windowMs = 250;
    const service = new FixedWindow(50, windowMs, (seconds) => seconds);
    const server = await startServer((response) => {
      const { count, allowed, resetMs } = service.arrive(Date.now());
      sendJson(
        response,
        count > allowed ? 429 : 200,
        {},
        {
          "inin-ratelimit-count": String(count),
          "inin-ratelimit-allowed": String(allowed),
          "inin-ratelimit-reset": String(resetMs / 1000),
          ...(count > allowed ? { "retry-after": "1" } : {}),
        },
      );
    });
    const client = clientFor(server.base);
    try {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          for (let i = 0; i < 40; i++) await client.json("GET", "/x");
        }),
      );
      expect(client.stats).toMatchObject({ calls: 400, throttled: 0, retries: 0 });
      expect(service.refused).toBe(0);
    } finally {
      await client.close();
      await server.close();
    }
  });
});

describe("the headers", () => {
  const headers = (values: Record<string, string>) => (name: string) => values[name];

  it("are read as count, allowance and seconds", () => {
    expect(
      parseRateLimit(
        headers({
          "inin-ratelimit-count": "12",
          "inin-ratelimit-allowed": "300",
          "inin-ratelimit-reset": "41",
        }),
      ),
    ).toEqual({ count: 12, allowed: 300, resetMs: 41_000 });
  });

  it("are ignored if one is missing or not a number", () => {
    expect(parseRateLimit(headers({ "inin-ratelimit-count": "12" }))).toBeUndefined();
    expect(
      parseRateLimit(
        headers({ "inin-ratelimit-count": "x", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": "" }),
      ),
    ).toBeUndefined();
  });
});
