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

/** Where Node would look for `name` from the package at `path`: its own folder first, then upwards. */
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

// npm writes a lock without the binaries of the platforms that its registry did not answer for. npm 10 installs from
// such a lock, on those platforms without DuckDB; npm 11.6 and later, which Node 24 brings, refuses it.
test("the lock file holds the binaries of every platform, as npm ci wants them", () => {
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !placesOf(name, path).some((place) => place in packages),
    ),
  );
  expect(missing).toEqual([]);
});

test("the lock file names one version of each package, by its content, and no registry", () => {
  const loose = Object.entries(packages).filter(
    ([path, { version, resolved }]) =>
      path !== "" && !(/^\d+\.\d+\.\d+/.test(version ?? "") && resolved === undefined),
  );
  expect(loose).toEqual([]);
  // The binaries of other platforms, which the registry that wrote the lock does not have: npm fills these in elsewhere.
  const unsigned = Object.entries(packages).filter(
    ([path, { integrity, optional }]) => path !== "" && !optional && !integrity?.startsWith("sha512-"),
  );
  expect(unsigned).toEqual([]);
});

test("what runs when the package is installed is our build, and what two tools of development bring", () => {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(read("package.json"));
  const hooks = Object.keys(scripts).filter((name) => /^(pre|post)|install|prepare|prepublish/.test(name));
  expect(hooks).toEqual(["prepare"]);
  expect(scripts["prepare"]).toBe("npm run build && tsx scripts/man.ts");
  const others = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  expect(others.map(([path]) => path.replace("node_modules/", "")).sort()).toEqual(["@swc/core", "esbuild"]);
});
