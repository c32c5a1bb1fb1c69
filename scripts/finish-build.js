// tsc keeps no mode bits: the command must be executable for `npx` and for a link into PATH.
import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/cli/bin.js", import.meta.url), 0o755);
