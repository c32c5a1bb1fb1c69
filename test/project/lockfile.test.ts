import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      optional: z.boolean().optional(),
      hasInstallScript: z.boolean().optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/** The folders where Node looks for `name` from the package at `path`: its own first, then upwards. */
function placesOf(name: string, path: string): string[] {
  const places = [`${path}/node_modules/${name}`];
  for (let end = path.lastIndexOf("node_modules/"); end >= 0; ) {
    places.push(`${path.slice(0, end)}node_modules/${name}`);
    end = end === 0 ? -1 : path.lastIndexOf("node_modules/", end - 1);
  }
  return places;
}

const read = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
const { packages } = Lock.parse(read("package-lock.json"));

// npm writes a lock file without the binaries of platforms that its registry does not provide. npm 10 installs from such a
// lock file without DuckDB on those platforms; npm 11.6 and later, which comes with Node 24, rejects it.
test("the lock file has the binaries of every platform, as npm ci requires", () => {
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !placesOf(name, path).some((place) => place in packages),
    ),
  );
  expect(missing).toEqual([]);
});

test("the lock file has one version of each package, with its hash, and no registry", () => {
  const loose = Object.entries(packages).filter(
    ([path, { version, resolved }]) =>
      path !== "" && !(/^\d+\.\d+\.\d+/.test(version ?? "") && resolved === undefined),
  );
  expect(loose).toEqual([]);
  // Binaries of other platforms that are missing in the registry that wrote the lock file; npm adds these elsewhere.
  const unsigned = Object.entries(packages).filter(
    ([path, { integrity, optional }]) => path !== "" && !optional && !integrity?.startsWith("sha512-"),
  );
  expect(unsigned).toEqual([]);
});

test("the only install scripts are our build and those of two development tools", () => {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(read("package.json"));
  const hooks = Object.keys(scripts).filter((name) => /^(pre|post)|install|prepare|prepublish/.test(name));
  expect(hooks).toEqual(["prepare"]);
  expect(scripts["prepare"]).toBe("npm run build && tsx scripts/man.ts");
  const others = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  expect(others.map(([path]) => path.replace("node_modules/", "")).sort()).toEqual(["@swc/core", "esbuild"]);
});
