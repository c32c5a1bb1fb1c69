import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeDays } from "../../src/insight/anomalies.ts";
import { type DailySeries, firstDays } from "../../src/insight/daily-series.ts";
import { FAILING, judgeShares, RATE_LIMITED } from "../../src/insight/shares.ts";
import { anySeries, dayAt, seriesOf, wobble } from "./series.ts";

/** 200 days around 1000, a third of it on weekends, with the given last days. */
const usual = (...last: readonly (number | undefined)[]): (number | undefined)[] => [
  ...Array.from({ length: 200 }, (_, at) =>
    Math.round((1000 + 80 * wobble(at)) * ([2, 3].includes(at % 7) ? 1 / 3 : 1)),
  ),
  ...last,
];
const lastOf = (series: DailySeries) => judgeDays(series).at(-1);

// Day 200 is a Monday. Days 198 and 199 are a weekend.
test.each([
  ["twice as many requests are a rise", 2000, "rise"],
  ["half as many are a drop", 480, "drop"],
  ["none are a drop", 0, "drop"],
  ["a little more is usual", 1150, "usual"],
])("%s", (_what, count, verdict) => {
  expect(lastOf(seriesOf(usual(count)))).toMatchObject({ date: dayAt(200), verdict, count });
});

test("a weekend is compared with weekends", () => {
  const sunday = usual().slice(0, 199);
  expect(lastOf(seriesOf([...sunday, 330]))).toMatchObject({ verdict: "usual" });
  expect(lastOf(seriesOf([...sunday, 1000]))).toMatchObject({ verdict: "rise" });
});

test("a difference below the absolute or the relative minimum is usual", () => {
  const small = usual(20).map((count) => (count === undefined ? count : Math.round(count / 10)));
  const judge = (options: Parameters<typeof judgeDays>[1]) =>
    judgeDays(seriesOf([...small.slice(0, 200), 200]), options).at(-1)?.verdict;
  expect(judge({})).toBe("rise");
  expect(judge({ minimum: 150 })).toBe("usual");
  expect(judge({ minimumShare: 1.5 })).toBe("usual");
});

test("a low day that may still be corrected upward is unsettled, and a high one is a rise", () => {
  expect(lastOf(seriesOf(usual(100), { 200: "unsettled" }))).toMatchObject({ verdict: "unsettled" });
  expect(lastOf(seriesOf(usual(3000), { 200: "unsettled" }))).toMatchObject({ verdict: "rise" });
});

test("a missing day is neither a rise nor a drop, and the day after it is judged", () => {
  const days = judgeDays(seriesOf(usual(undefined, 1000)));
  expect(days.slice(-2)).toMatchObject([{ verdict: "missing", count: undefined }, { verdict: "usual" }]);
});

test("a short history is not judged, and then by the fixed threshold", () => {
  const days = judgeDays(seriesOf(usual()));
  expect(days.slice(0, 35).every(({ verdict }) => verdict === "too-little-history")).toBe(true);
  expect(days[60]).toMatchObject({ verdict: "usual", threshold: 3.5 });
  expect(days[199]?.threshold).toBeLessThan(3.5);
});

test("a client that begins is a rise, and one that goes silent is a drop", () => {
  const silent = Array.from({ length: 60 }, () => 0);
  expect(lastOf(seriesOf([...silent, 500]))).toMatchObject({ verdict: "rise", expected: 0 });
  expect(lastOf(seriesOf(usual(0)))).toMatchObject({ verdict: "drop" });
});

test("incidents of the past do not hide the next one", () => {
  const counts = usual().map((count, at) => (at >= 60 && at % 20 < 4 ? (count ?? 0) * 2.5 : count));
  const days = judgeDays(seriesOf([...counts.slice(0, 196), 1000, 1000, 330, 330, 2500]));
  expect(days[160]).toMatchObject({ verdict: "rise" });
  expect(days.at(-1)).toMatchObject({ verdict: "rise" });
});

test("a false-alarm rate that a year cannot show is refused", () => {
  expect(() => judgeDays(seriesOf([1]), { falseAlarmRate: 0.001 })).toThrow(
    /Invalid false-alarm rate: 0.001/,
  );
});

test("a constant series has no anomalies, whatever its level", () => {
  fc.assert(
    fc.property(fc.nat(1e9), fc.integer({ min: 1, max: 200 }), (count, length) => {
      const series = seriesOf(Array.from({ length }, () => count));
      const verdicts = judgeDays(series, { minimum: 0, minimumShare: 0 }).map(({ verdict }) => verdict);
      for (const verdict of verdicts) expect(verdict).toMatch(/^(?:usual|too-little-history)$/);
    }),
  );
});

test("a day that goes missing is missing, and changes no day before it", () => {
  fc.assert(
    fc.property(anySeries, fc.nat(129), (series, gap) => {
      const states = series.states.map((state, at) => (at === gap ? "missing" : state));
      const before = judgeDays(series);
      const after = judgeDays({ ...series, states });
      expect(after.slice(0, gap)).toEqual(before.slice(0, gap));
      if (gap < after.length) expect(after[gap]).toMatchObject({ verdict: "missing", count: undefined });
    }),
  );
});

test("only settled days are drops, and a day is judged without the days after it", () => {
  fc.assert(
    fc.property(anySeries, fc.nat(130), (series, length) => {
      const days = judgeDays(series, { minimum: 0, minimumShare: 0 });
      for (const { verdict, settled } of days) if (verdict === "drop") expect(settled).toBe(true);
      const early = firstDays(series, length);
      expect(judgeDays(early, { minimum: 0, minimumShare: 0 })).toEqual(days.slice(0, length));
    }),
  );
});

test("429s and errors are judged by a floor and a share", () => {
  const requests = seriesOf([1000, 1000, 100_000, 0, 1000, undefined, 50], { 4: "unsettled" });
  const limited = seriesOf([100, 99, 500, 0, 0, undefined, 50], { 4: "unsettled" });
  const verdicts = (limits: typeof FAILING) =>
    judgeShares(limited, requests, limits).map(({ verdict }) => verdict);
  expect(verdicts(RATE_LIMITED)).toEqual([
    "over",
    "under",
    "under",
    "under",
    "undecided",
    "missing",
    "under",
  ]);
  expect(verdicts({ minimum: 10, minimumShare: 0.05 })).toEqual([
    "over",
    "over",
    "under",
    "under",
    "undecided",
    "missing",
    "over",
  ]);
  expect(() => judgeShares(requests, limited, FAILING)).toThrow(/1000 of 100 requests/);
  expect(() => judgeShares(seriesOf([1]), requests, FAILING)).toThrow(/different days/);
});
