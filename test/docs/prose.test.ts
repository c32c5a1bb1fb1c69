import { expect, test } from "vitest";
import { findPhrases } from "../../scripts/prose.ts";

test("the check of our prose finds a phrase, its line and a replacement", () => {
  expect(findPhrases('Some text.\n\n"soon" is no length of time.\n')).toEqual([
    { line: 3, phrase: "is no length", instead: expect.stringContaining("Invalid") as string },
  ]);
});

test.each([
  ["a phrase that a line break divides", "The next run goes\non from there.", ["goes on from"]],
  ["British spelling", "The colour of an organisation.", ["colour", "organisation"]],
  ["two on one line", "It tells what the lake lacks.", ["tells", "lacks"]],
  ["none in plain English", "There are no rows. It is no longer possible to land here: Cancelled.", []],
])("the check of our prose finds %s", (_what, text, phrases) => {
  expect(findPhrases(text).map(({ phrase }) => phrase)).toEqual(phrases);
});
