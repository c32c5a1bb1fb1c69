import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { inParallel } from "../../src/support/parallel.ts";

it("runs a limited number at a time and keeps the order of the items", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([30, 5, 10, 1], 2, async (ms) => {
    most = Math.max(most, ++running);
    await sleep(ms);
    running--;
    return ms * 2;
  });
  expect(results).toEqual([60, 10, 20, 2]);
  expect(most).toBe(2);
});

it("starts no more after a failure, and throws it when the running ones have ended", async () => {
  const ended: number[] = [];
  const run = inParallel([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error("first");
    await sleep(20);
    ended.push(item);
  });
  await expect(run).rejects.toThrow("first");
  expect(ended).toEqual([2]);
});
