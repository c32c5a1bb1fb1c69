/**
 * `npm run check`: everything that a change must pass, fast. The steps before the tests run in two lanes, one for each core,
 * and print only when they fail.
 */
import { spawn, spawnSync } from "node:child_process";

/** @type {string[][]} */
const LANES = [
  ["biome check .", "tsc", "npm run --silent layers", "knip", "npm run --silent prose"],
  ["npm run --silent lint", "npm run --silent build", "npm run --silent api -- --check"],
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

const passed = await Promise.all(LANES.map(lane));
if (passed.includes(false)) process.exit(1);
process.exit(spawnSync("npm", ["test"], { stdio: "inherit" }).status ?? 1);
