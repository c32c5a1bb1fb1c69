import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLake } from "../../src/index.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const DAY = (date: string) => slice(date, [{ clientId: "c1", requests: 5 }]);
const COUNT = "SELECT count(*)::int AS n FROM daily";

test("many operations at the same time share one engine", async () => {
  await using lake = await openLake(await makeLake([DAY("2026-11-01")]));
  const counted = async () => {
    for await (const { n } of lake.query<{ n: number }>(COUNT)) return n;
    return undefined;
  };
  const asked = async () => (await lake.ask("daily-counts", { allowPartial: true })).rows.length;
  expect(await Promise.all([counted(), asked(), counted(), asked()])).toEqual([1, 1, 1, 1]);
});

test("rows are read to the end while the lake changes, several times", async () => {
  const folder = await makeLake([DAY("2026-11-01")]);
  const more = [await makeLake([DAY("2026-11-02")]), await makeLake([DAY("2026-11-03")])];
  await using lake = await openLake(folder);
  const prepared = await lake.statement(COUNT);
  const rows = lake.query<{ i: number }>("SELECT i::int AS i FROM daily, range(100000) t(i)");
  expect((await rows.next()).value).toEqual({ i: 0 });
  const counts: number[] = [];
  for (const other of more) {
    await cp(join(other, "usage"), join(folder, "usage"), { recursive: true });
    for await (const { n } of lake.query<{ n: number }>(COUNT)) counts.push(n);
  }
  expect(counts).toEqual([2, 3]);
  let read = 1;
  while (!(await rows.next()).done) read++;
  expect(read).toBe(100_000);
  // It was prepared before both changes, and nothing has kept its copies of the slices.
  await expect(prepared.start()).rejects.toMatchObject({
    kind: "lake",
    message: "The lake has changed since the statement was prepared.",
  });
});

test("an operation that is stopped while it opens the lake does not stop others, now or later", async () => {
  await using lake = await openLake(await makeLake([DAY("2026-11-01")]));
  const stop = new AbortController();
  const stopped = lake.statement(COUNT, { signal: stop.signal });
  const other = lake.statement(COUNT);
  stop.abort(new Error("enough"));
  await expect(stopped).rejects.toThrow("enough");
  expect((await (await other).bounded({ rows: 1, characters: 9, valueCharacters: 9 })).rows).toEqual([[1]]);
  expect((await lake.ask("daily-counts", { allowPartial: true })).rows.length).toBe(1);
});
