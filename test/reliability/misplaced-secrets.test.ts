import { expect, it } from "vitest";
import { workFolder } from "../helpers/cli.ts";
import { Faults } from "./judge.ts";
import { tryMisplaced } from "./misplaced-secrets.ts";
import { Chance, size, tell } from "./size.ts";

const runs = size({ short: 24, full: 500 });

it(`no secret that stands in another setting's place is printed or written, in ${runs} runs`, async () => {
  const faults = new Faults();
  const tried = await tryMisplaced(await workFolder(), runs, new Chance("misplaced"), faults);
  tell(`secrets in the wrong place: ${JSON.stringify(tried)}`);
  expect(faults.list()).toEqual([]);
  expect(tried.hid).toBeGreaterThan(0);
});
