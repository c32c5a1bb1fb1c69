/**
 * `npm run template`: writes the generated part of infra/usage-api.template.yaml, the table and view from
 * src/engine/tables.ts and a saved query for each of src/questions/sql. A test fails if this was not run.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withGenerated } from "./template/generated.ts";

const FILE = fileURLToPath(new URL("../infra/usage-api.template.yaml", import.meta.url));

writeFileSync(FILE, withGenerated(readFileSync(FILE, "utf8")));
