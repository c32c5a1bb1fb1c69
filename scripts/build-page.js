// Bundles the page for the browser. Run by `npm run build` between tsc and finish-build.js; --watch rebuilds dist/page/ on each change.
import { cpSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

/** @param {string} path */
const file = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const isWatching = process.argv.includes("--watch");
const target = file(isWatching ? "dist/page" : "dist.new/page");
mkdirSync(target, { recursive: true });
cpSync(file("src/page/index.html"), `${target}/index.html`);
cpSync(file("src/page/icon.svg"), `${target}/icon.svg`);

const TARGET = ["chrome120", "firefox121", "safari17"];

const bundle = await context({
  entryPoints: {
    page: file("src/page/main.tsx"),
    editor: file("src/page/sql/editor.ts"),
    style: file("src/page/style.css"),
  },
  outdir: target,
  bundle: true,
  // The editor is read only when its view is opened.
  external: ["/editor.js"],
  format: "esm",
  target: TARGET,
  minify: !isWatching,
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  tsconfigRaw: "{}",
  logLevel: "warning",
});
// A report contains its style, with the page's colors and figures.
await build({
  entryPoints: [file("src/report/style.css")],
  outfile: file(isWatching ? "dist/report/style.css" : "dist.new/report/style.css"),
  bundle: true,
  target: TARGET,
  minify: true,
  logLevel: "warning",
});
if (isWatching) await bundle.watch();
else {
  await bundle.rebuild();
  await bundle.dispose();
}
