import { expect, it } from "vitest";
import type { Comparison } from "../../bench/context.ts";
import { regressions } from "../../bench/expected.ts";
import { isMet, tableOf } from "../../bench/table.ts";

const RUN = { seconds: 2, cpuSeconds: 1.5, peakBytes: 80e6 };

function comparison(id: string, value: number, is: "at least" | "at most"): Comparison {
  const reach = { kind: is === "at least" ? "times" : "of", is, value: 4 } as const;
  return { id, work: `work of ${id}`, against: "jq", ours: RUN, theirs: RUN, value, reach };
}

it("a benchmark fails only if a result is worse than the recorded one by more than half", () => {
  const found = (value: number, is: "at least" | "at most", cpu?: number): number =>
    regressions([comparison("a", value, is)], { a: { ratio: 10, cpu } }).length;
  expect([5, 6, 100].map((value) => found(value, "at least"))).toEqual([0, 0, 0]);
  expect(found(4.9, "at least")).toBe(1);
  expect([15, 9, 0.1].map((value) => found(value, "at most"))).toEqual([0, 0, 0]);
  expect(found(15.1, "at most")).toBe(1);
  expect(regressions([comparison("new", 1, "at least")], { a: { ratio: 10 } })).toEqual([]);
  const inSeconds = { ...comparison("a", 100, "at most"), ratio: 10 };
  expect(regressions([inSeconds], { a: { ratio: 10 } })).toEqual([]);
});

it("a benchmark does not fail if only the time is worse, and not the processor time, as on a busy machine", () => {
  const found = (cpu: number): string[] =>
    regressions([comparison("a", 1, "at least")], { a: { ratio: 10, cpu } });
  expect(found(1)).toEqual([]);
  expect(found(3)).toEqual(["a: 1, less than half the 10 in bench/expected.json."]);
});

it("a benchmark's table shows what was reached, and in which direction it counts", () => {
  const all = [comparison("a", 4.1, "at least"), comparison("b", 4.1, "at most")];
  expect(all.map(isMet)).toEqual([true, false]);
  expect(tableOf(all).split("\n").slice(2, 4)).toEqual([
    "| work of a | jq | 2.00 s | 2.00 s | 1.50 s, 1.50 s | 80 MB, 80 MB | 4.10 × | ≥ 4.00 × | yes |",
    "| work of b | jq | 2.00 s | 2.00 s | 1.50 s, 1.50 s | 80 MB, 80 MB | 4.10 × | ≤ 4.00 × | no |",
  ]);
});
