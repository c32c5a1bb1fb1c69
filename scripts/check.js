/**
 * `npm run check`: everything that a change must pass, fast. The steps between the build and the tests run in two lanes, one for
 * each core. Steps print only when they fail. The build comes first, because some tests' types are those of `dist/`.
 */
import { spawn, spawnSync } from "node:child_process";

/** @type {string[][]} */
const LANES = [
  ["tsc", "npm run --silent api -- --check", "biome check ."],
  ["npm run --silent lint", "npm run --silent layers", "knip", "npm run --silent prose"],
];

/**
 * @param {string} command
 * @returns {Promise<boolean>} whether it has passed.
 */
function run(command) {
  const began = performance.now();
  const child = spawn(command, { shell: true, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (/** @type {Buffer} */ chunk) => {
      text += chunk.toString();
    });
  return new Promise((resolve) => {
    child.on("close", (code) => {
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      process.stdout.write(`${code === 0 ? "passed" : "FAILED"}: ${command} (${seconds} s)\n`);
      if (code !== 0) process.stdout.write(text);
      resolve(code === 0);
    });
  });
}

/** @param {string[]} commands */
async function lane(commands) {
  let passed = true;
  for (const command of commands) passed = (await run(command)) && passed;
  return passed;
}

if (!(await run("npm run --silent build"))) process.exit(1);
const passed = await Promise.all(LANES.map(lane));
if (passed.includes(false)) process.exit(1);
process.exit(spawnSync("npm", ["test"], { stdio: "inherit" }).status ?? 1);
