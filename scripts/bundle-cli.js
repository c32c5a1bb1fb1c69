// Bundles the command line, so that a command reads tens of files at its start instead of hundreds: that was half of the time of a short
// command. Run by `npm run build` after tsc. The library (`dist/index.js` …) stays one file for each module.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** @param {string} path */
const file = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const { dependencies } = /** @type {{ dependencies: Record<string, string> }} */ (
  JSON.parse(readFileSync(file("package.json"), "utf8"))
);
/** The dependencies that most commands load at their start. All others are loaded on demand, and stay packages. */
const BUNDLED = [
  "@commander-js/extra-typings",
  "commander",
  "fastest-levenshtein",
  "lossless-json",
  "p-limit",
  "picocolors",
  "undici",
  "zod",
];

const target = file("dist.new/cli");
// Built by tsc. It starts the bundle, and reports an old Node.js, which cannot read the bundle.
const bin = readFileSync(`${target}/bin.js`);
rmSync(target, { recursive: true });
mkdirSync(target);
writeFileSync(`${target}/bin.js`, bin);

await build({
  entryPoints: [file("src/cli/main.ts"), file("src/cli/version.ts")],
  outdir: target,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external: Object.keys(dependencies).filter((name) => !BUNDLED.includes(name)),
  banner: {
    // Dependencies in CommonJS call require, which ES modules do not have.
    js: 'import { createRequire as _require } from "node:module"; const require = _require(import.meta.url);',
  },
  // For the traces of --debug.
  sourcemap: true,
  sourcesContent: false,
  plugins: [
    { name: "sources", setup: sourcesInPlace },
    { name: "undici", setup: undiciInParts },
  ],
  logLevel: "warning",
});

/**
 * Modules find files by their own place in dist/, and keep that place. What they import of the library comes from the module that has
 * it: a command would otherwise load all of the library at its start.
 *
 * @param {import("esbuild").PluginBuild} bundle
 */
function sourcesInPlace(bundle) {
  const library = exportsOf(readFileSync(file("src/index.ts"), "utf8"));
  bundle.onLoad({ filter: /\.tsx?$/ }, async ({ path }) => {
    const source = await readFile(path, "utf8");
    const place = relative(file("src"), path)
      .replaceAll(sep, "/")
      .replace(/\.tsx?$/, ".js");
    const contents = source
      .replaceAll("import.meta.url", `new URL("../${place}", import.meta.url).href`)
      .replaceAll(
        /^import \{([^}]*)\} from "((?:\.\.\/)+)index\.ts";/gm,
        (_all, /** @type {string} */ names, /** @type {string} */ up) => {
          const imports = valuesIn(names).map(([name, local]) => {
            const exported = library.get(name);
            if (exported === undefined)
              throw new Error(`${path} imports ${name}, which src/index.ts does not export`);
            return `import { ${exported.name} as ${local} } from "${up}${exported.module}";`;
          });
          // As many lines as before, for the source map.
          return imports.join(" ") + "\n".repeat(names.split("\n").length - 1);
        },
      );
    return { contents, loader: path.endsWith("x") ? "tsx" : "ts" };
  });
}

/**
 * The values that the library exports, with their module and their name there.
 *
 * @param {string} index
 */
function exportsOf(index) {
  /** @type {Map<string, { name: string, module: string }>} */
  const found = new Map();
  for (const [, names = "", module = ""] of index.matchAll(/^export \{([^}]*)\} from "\.\/([^"]+)";/gm)) {
    for (const [name, exported] of valuesIn(names)) found.set(exported, { name, module });
  }
  return found;
}

/**
 * The names in braces that are not types, each with the name after `as`.
 *
 * @param {string} names
 * @returns {[name: string, as: string][]}
 */
function valuesIn(names) {
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "))
    .map((name) => {
      const [first = "", as = first] = name.split(" as ");
      return [first, as];
    });
}

/**
 * Only the parts of undici that the command line uses. The package's own entry point also loads its `fetch`, its caches and its mocks,
 * which doubles the time. The build fails if undici moves a part.
 *
 * @param {import("esbuild").PluginBuild} bundle
 */
function undiciInParts(bundle) {
  const parts = ["Agent", "Pool", "ProxyAgent"].map((name) => {
    const module = name.replace(/(?<=[a-z])[A-Z]/g, "-$&").toLowerCase();
    return `exports.${name} = require("undici/lib/dispatcher/${module}.js");`;
  });
  const contents = [
    'Object.assign(require("undici/lib/dispatcher/dispatcher.js").prototype, require("undici/lib/api/index.js"));',
    ...parts,
  ].join("\n");
  bundle.onResolve({ filter: /^undici$/ }, () => ({ path: "undici", namespace: "parts" }));
  bundle.onLoad({ filter: /.*/, namespace: "parts" }, () => ({ contents, resolveDir: file(".") }));
}
