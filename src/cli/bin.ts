#!/usr/bin/env node
// What stands here must run on old versions of Node.js, or they could not be told so: no static import, old syntax.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 20 || (major === 20 && minor >= 19)) {
  void import("./main.ts").then(({ run }) => run());
} else {
  process.stderr.write(
    `error: gc-usage needs Node.js 20.19 or later, and this is Node.js ${process.versions.node} (${process.execPath}).\n` +
      "Install a later version from https://nodejs.org, or choose one with your version manager: nvm install 22\n",
  );
  process.exitCode = 2;
}
