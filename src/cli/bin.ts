#!/usr/bin/env node
// What stands here must run on old versions of Node.js, or they could not be told so: no static import, old syntax.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 20 || (major === 20 && minor >= 19)) {
  const [word, ...rest] = process.argv.slice(2);
  // Asked for by scripts, and the one answer that needs nothing of the program.
  const wantsVersion = rest.length === 0 && (word === "--version" || word === "-V");
  void (wantsVersion ? printVersion() : runMain());
} else {
  process.stderr.write(
    `error: gc-usage needs Node.js 20.19 or later, and this is Node.js ${process.versions.node} (${process.execPath}).\n` +
      "Install a later version from https://nodejs.org, or choose one with your version manager: nvm install 22\n",
  );
  process.exitCode = 2;
}

async function printVersion(): Promise<void> {
  const [{ writeSync }, { version }] = await Promise.all([import("node:fs"), import("./version.ts")]);
  try {
    writeSync(1, `${version()}\n`);
  } catch {
    // Whoever explains what is wrong with the output.
    await runMain();
  }
}

async function runMain(): Promise<void> {
  const { run } = await import("./main.ts");
  await run();
}
