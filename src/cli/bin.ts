#!/usr/bin/env node
import { main } from "./main.ts";

// The AWS SDK would tell users of Node 20 on stderr that its next year's versions want another Node.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
process.exitCode = await main(process.argv.slice(2));
