import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path, { join } from "node:path";
import { execa } from "execa";
import { beforeAll, expect, it } from "vitest";
import { run, step } from "../helpers/venv.ts";

/** The dashboards, against the types that Grafana makes from its own schema. */

const ROOT = path.resolve(import.meta.dirname, "../..");
const PACKAGE = "@grafana/grafana-foundation-sdk";
const VERSION = "0.0.21";
/** Also where TypeScript finds the package. */
const folder = join(ROOT, `.cache/grafana-${VERSION}`);

beforeAll(async () => {
  if (existsSync(join(folder, "node_modules/.package-lock.json"))) return;
  const args = ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", folder];
  await step("Installing Grafana's types", () =>
    run("npm", [...args, `${PACKAGE}@${VERSION}`], "npm could not install them"),
  );
});

/** The SDK has enums and functions, and leaves the queries and the options of a panel open. */
const types = (source: string): string => `
import type { Dashboard, FieldConfig, FieldConfigSource, Panel } from "${PACKAGE}/dashboard";
import type { Dataquery } from "${PACKAGE}/${source}";
import type * as bargauge from "${PACKAGE}/bargauge";
import type * as gauge from "${PACKAGE}/gauge";
import type * as stat from "${PACKAGE}/stat";
import type * as table from "${PACKAGE}/table";
import type * as timeseries from "${PACKAGE}/timeseries";

type Json<T> = T extends string
  ? \`\${T}\`
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [K in keyof T as T[K] extends Function ? never : K]: Json<T[K]> }
      : T;
type Of<Type extends string, Options, Custom> = Omit<Json<Panel>, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  targets: Json<Dataquery>[];
  options?: Json<Partial<Options>>;
  fieldConfig?: Omit<Json<FieldConfigSource>, "defaults"> & {
    defaults: Omit<Json<FieldConfig>, "custom"> & { custom?: Json<Partial<Custom>> };
  };
};
type Known =
  | Of<"bargauge", bargauge.Options, never>
  | Of<"gauge", gauge.Options, never>
  | Of<"stat", stat.Options, never>
  | Of<"table", table.Options, table.FieldConfig>
  | Of<"timeseries", timeseries.Options, timeseries.FieldConfig>;
export const dashboard: Omit<Json<Dashboard>, "panels"> & { panels: Known[] } = `;

/** What TypeScript says about JSON as a dashboard. */
async function problems(name: string, source: string, json: string): Promise<string> {
  const file = join(folder, `${name}.ts`);
  await writeFile(file, `${types(source)}${json};\n`);
  const options = [
    "--ignoreConfig",
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "es2022",
  ];
  const args = [join(ROOT, "node_modules/typescript/bin/tsc"), ...options, file];
  return (await execa(process.execPath, args, { reject: false, all: true, cwd: folder })).all;
}

it.each([
  ["dashboard", "prometheus"],
  ["athena-dashboard", "athena"],
])("%s.json has only what Grafana knows of such panels and queries", async (name, source) => {
  const json = await readFile(join(ROOT, `infra/monitoring/${name}.json`), "utf8");
  expect(await problems(name, source, json)).toBe("");
  // What a mistake would be.
  for (const [right, wrong] of [
    ['"refId"', '"refID"'],
    ['"gridPos"', '"position"'],
    ['"type": "timeseries"', '"type": "timeline"'],
  ] as const) {
    expect(json).toContain(right);
    expect(await problems(`wrong-${name}`, source, json.replace(right, wrong))).toContain("error TS");
  }
});
