import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { casesOf, type RuleIncident } from "../../src/insight/cases.ts";
import {
  type Incident,
  incidentsIn,
  type Sign,
  type Signs,
  type Timing,
} from "../../src/insight/incidents.ts";

/** `#` triggers, `.` recovers, `-` does neither, `?` is unknown; a digit triggers with this value. */
function signs(text: string, normal: number | null = null): Signs {
  return Array.from(text, (letter): Sign | undefined => {
    if (letter === "?") return undefined;
    const value = /\d/.test(letter) ? 2 ** Number(letter) : 1;
    return { triggers: /[#\d]/.test(letter), recovers: letter === ".", value, normal };
  });
}

const timing = (triggerDays: number, recoveryDays: number): Timing => ({ triggerDays, recoveryDays });
const days = ({ first, opened, last, ended }: Incident) => [first, opened, last, ended];

describe("incidents", () => {
  it.each([
    ["begin after enough days in a row, and end after enough", ".##..#.", timing(2, 2), [[1, 2, 2, 4]]],
    [
      "begin anew after their end",
      "#.#.",
      timing(1, 1),
      [
        [0, 0, 0, 1],
        [2, 2, 2, 3],
      ],
    ],
    ["do not end on days that do not recover", "#-.-.-", timing(1, 2), [[0, 0, 0, undefined]]],
    ["are not interrupted by unknown days", "#?#??.?.", timing(2, 2), [[0, 2, 2, 7]]],
    ["never begin on unknown days", "???", timing(1, 1), []],
    ["go on if the last days are unknown", "#.??", timing(1, 2), [[0, 0, 0, undefined]]],
  ])("%s", (_what, text, when, expected) => {
    expect(incidentsIn(signs(text), when).map(days)).toEqual(expected);
  });

  it("get a step worse each time the figure has doubled", () => {
    const [incident] = incidentsIn(signs("1121334"), timing(1, 1));
    expect(incident).toMatchObject({ steps: [2, 4, 6], worst: 6 });
  });

  it("measure a drop by how far the figure is below the normal one", () => {
    const drop = (value: number): Sign => ({ triggers: true, recovers: false, value, normal: 100 });
    const [incident] = incidentsIn([drop(50), drop(40), drop(10), drop(60)], timing(1, 1));
    expect(incident).toMatchObject({ worst: 2, steps: [2] });
  });

  it("follow a rule's own steps", () => {
    const at = (step: number): Sign => ({
      triggers: step > 0,
      recovers: step === 0,
      value: step,
      normal: null,
      step,
    });
    const [incident] = incidentsIn([at(0), at(1), at(1), at(2)], timing(1, 1));
    expect(incident).toMatchObject({ first: 1, steps: [3] });
  });

  it("are the same whether seen day by day or at once", () => {
    const text = fc.string({ unit: fc.constantFrom("#", ".", "-", "?", "3"), maxLength: 40 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), (letters, a, b) => {
        const all = incidentsIn(signs(letters), timing(a, b));
        for (let length = 0; length <= letters.length; length++) {
          const known = incidentsIn(signs(letters.slice(0, length)), timing(a, b));
          const expected = all.filter(({ opened }) => opened < length);
          expect(known.map(({ first, opened }) => [first, opened])).toEqual(
            expected.map(({ first, opened }) => [first, opened]),
          );
          for (const [i, { ended }] of known.entries()) {
            const later = all[i]?.ended;
            expect(ended).toBe(later !== undefined && later < length ? later : undefined);
          }
        }
      }),
    );
  });
});

describe("the incidents of one client", () => {
  const incident = (rule: string, rank: number, first: number, ended?: number): RuleIncident => ({
    rule,
    rank,
    first,
    opened: first,
    last: first + 1,
    worst: first,
    worstSign: { triggers: true, recovers: false, value: 1, normal: null },
    ended,
    steps: [],
  });

  it("are one case while they overlap, named by the most important rule", () => {
    const [one, ...others] = casesOf([incident("requests", 4, 10, 20), incident("rate-limited", 0, 12, 15)]);
    expect(others).toEqual([]);
    expect(one).toMatchObject({ first: 10, ended: 20, steps: [12] });
    expect(one?.incidents.map(({ rule }) => rule)).toEqual(["rate-limited", "requests"]);
  });

  it("are one case if the next begins within three days of the end, and the case is open while one is", () => {
    expect(casesOf([incident("a", 0, 1, 5), incident("b", 1, 8)])).toMatchObject([
      { first: 1, ended: undefined },
    ]);
    expect(casesOf([incident("a", 0, 1, 5), incident("b", 1, 9)])).toHaveLength(2);
  });

  it("do not get worse by a less important rule's steps once the rule that names the case has found it", () => {
    const requests = { ...incident("requests", 4, 10), steps: [11, 13] };
    const [one] = casesOf([requests, { ...incident("rate-limited", 0, 12, 15), steps: [14] }]);
    expect(one?.steps).toEqual([11, 12, 14]);
  });

  it("do not get worse because a less important rule joins", () => {
    expect(casesOf([incident("a", 0, 1), incident("b", 1, 2)])).toMatchObject([{ steps: [] }]);
  });
});
