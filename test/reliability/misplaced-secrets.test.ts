import { expect, it } from "vitest";
import { workFolder } from "../helpers/folders.ts";
import { Faults } from "./judge.ts";
import { tryMisplaced } from "./misplaced-secrets.ts";
import { Chance, report, size } from "./size.ts";

const runs = size({ short: 24, full: 500 });

it(`no secret in place of another setting is printed or written, in ${runs} runs`, async () => {
  const faults = new Faults();
  const tried = await tryMisplaced(await workFolder(), runs, new Chance("misplaced"), faults);
  report(`secrets in the wrong place: ${JSON.stringify(tried)}`);
  expect(faults.list()).toEqual([]);
  expect(tried.hid).toBeGreaterThan(0);
});
