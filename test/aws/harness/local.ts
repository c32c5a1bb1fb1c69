import { writeFileSync } from "node:fs";
import { awsEnv } from "./env.ts";
import { startAws } from "./setup.ts";

// `npm run aws:local`: the tests' AWS to explore manually, until Ctrl-C. Give a file name to write the settings
// to a file for `source`.
const { aws, stop } = await startAws();
const lines = Object.entries(awsEnv(aws)).map(([name, value]) => `export ${name}='${value}'`);
const settings = `${lines.join("\n")}\nexport PATH='${aws.tools.bin}':"$PATH"\n`;
const [file] = process.argv.slice(2);
if (file === undefined) process.stdout.write(settings);
else writeFileSync(file, settings);
process.stderr.write(
  "A local AWS is running. Run the lines above (or `source` the file) in your shell. Ctrl-C ends it.\n",
);
const keepAlive = setInterval(() => {}, 60_000);
await new Promise<void>((resolve) => {
  process.once("SIGINT", () => resolve());
  process.once("SIGTERM", () => resolve());
});
clearInterval(keepAlive);
await stop();
