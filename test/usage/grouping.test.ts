import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DIMENSIONS,
  dimensionsOf,
  groupingOf,
  parseGrouping,
  tryGrouping,
} from "../../src/usage/grouping.ts";

const subset = fc.subarray([...DIMENSIONS]);

describe("a grouping", () => {
  it("is named by its dimensions in fixed order, and parsed from that name", () => {
    fc.assert(
      fc.property(subset, (dimensions) => {
        const name = groupingOf(
          fc.sample(fc.shuffledSubarray(dimensions, { minLength: dimensions.length }), 1)[0] ?? [],
        );
        expect(name).toBe(dimensions.length === 0 ? "none" : dimensions.join("-"));
        expect(dimensionsOf(name)).toEqual(dimensions);
        expect(tryGrouping(name)).toBe(name);
      }),
    );
  });

  it("is parsed in any order and case, with commas, spaces or dashes, repeated or not", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...DIMENSIONS), { minLength: 1 }),
        fc.constantFrom(",", ", ", " ", "-"),
        fc.boolean(),
        (words, joint, upper) => {
          const text = words.join(joint);
          expect(parseGrouping(upper ? text.toUpperCase() : text)).toBe(groupingOf(words));
        },
      ),
    );
    expect(parseGrouping("None")).toBe("none");
  });

  it("is not parsed from a name in another order, or with repeated or unknown words", () => {
    for (const name of [
      "",
      "uri-client",
      "client-client",
      "client-",
      "-client",
      "clients",
      "none-client",
      "Client",
      "client.uri",
    ]) {
      expect(tryGrouping(name), name).toBeUndefined();
    }
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("client", "uri", "user", "-", "none", "x", "/") }),
        (name) => {
          const grouping = tryGrouping(name);
          if (grouping !== undefined) expect(groupingOf(dimensionsOf(grouping))).toBe(name);
        },
      ),
    );
  });

  it("accepts the word endpoint for uri", () => {
    expect(parseGrouping("client,Endpoint")).toBe("client-uri");
    expect(() => parseGrouping("client,endpont")).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("Did you mean endpoint?") }),
    );
  });

  it.each([
    ["clients", 'Unknown grouping "clients".'],
    ["client,none", 'Unknown grouping "none".'],
    ["client,../..", 'Unknown grouping "../..".'],
    ["", 'Invalid grouping "": it is empty.'],
    [" , ", 'Invalid grouping "": it is empty.'],
  ])("is rejected for %j, with the list of dimensions", (text, message) => {
    expect(() => parseGrouping(text)).toThrow(message);
    expect(() => parseGrouping(text)).toThrow(
      expect.objectContaining({
        kind: "input",
        hint: expect.stringContaining("client, organization, user, uri, method, platform"),
      }),
    );
  });
});
