import { expect, test } from "vitest";
import { pollUntil } from "../../src/support/poll.ts";

test("looks until something is found, with the pause before each further look", async () => {
  const pauses: number[] = [];
  const sleep = (ms: number): Promise<void> => Promise.resolve(void pauses.push(ms));
  let looks = 0;
  const found = await pollUntil(() => Promise.resolve(++looks === 4 ? "it" : undefined), {
    effects: { sleep },
    pauseMs: (count) => 10 * count,
  });
  expect({ found, looks, pauses }).toEqual({ found: "it", looks: 4, pauses: [10, 20, 30] });
});

test("ends with the signal's reason, or with what a look throws", async () => {
  const stop = new AbortController();
  const effects = {
    sleep: (_ms: number, signal?: AbortSignal): Promise<void> => {
      stop.abort(new Error("enough"));
      return Promise.reject(signal?.reason as Error);
    },
  };
  const nothing = (): Promise<undefined> => Promise.resolve(undefined);
  await expect(pollUntil(nothing, { effects, signal: stop.signal, pauseMs: 1 })).rejects.toThrow("enough");
  const failing = (): Promise<undefined> => Promise.reject(new Error("no look"));
  await expect(pollUntil(failing, { effects, pauseMs: 1 })).rejects.toThrow("no look");
});
