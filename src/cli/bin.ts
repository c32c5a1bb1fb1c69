#!/usr/bin/env node
// This file must run on old versions of Node.js, to report that they are too old: no static imports, only old syntax.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 20 || (major === 20 && minor >= 19)) {
  const [word, ...rest] = process.argv.slice(2);
  // Scripts call --version, and it needs nothing else of the program.
  const wantsVersion = rest.length === 0 && (word === "--version" || word === "-V");
  if (wantsVersion)
    void import("./version.ts").then(({ printVersion }) => (printVersion() ? undefined : runMain()));
  else {
    // Before the bundle is loaded, so that traces name its sources.
    if (process.argv.includes("--debug")) process.setSourceMapsEnabled(true);
    void runMain();
  }
} else {
  process.stderr.write(
    `error: gc-usage needs Node.js 20.19 or later, but this is Node.js ${process.versions.node} (${process.execPath}).\n` +
      "Install a later version from https://nodejs.org or with your version manager: nvm install 22\n",
  );
  process.exitCode = 2;
}

function runMain(): Promise<void> {
  return import("./main.ts").then(({ run }) => run());
}
