import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** All source text, with strings that are put together over several lines joined. */
function source(): string {
  return readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(ROOT, "src", file), "utf8"))
    .join("\n")
    .replace(/["`] \+\s+["`]/g, "");
}

/** What the program puts together, and words of the service. */
const FOREIGN =
  /^(?:Could not sign in: 401|You are missing the following permission\(s\): usage:organization:view)$/;

test("the messages in docs/troubleshooting.md are those of the program", () => {
  const guide = readFileSync(join(ROOT, "docs/troubleshooting.md"), "utf8");
  const headings = [...guide.matchAll(/^### (.+)$/gm)].flatMap(([, heading = ""]) =>
    [...heading.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message),
  );
  expect(headings.length).toBeGreaterThan(30);
  const text = source();
  const unknown = headings.flatMap((message) =>
    message
      .split("…")
      .map((part) => part.trim())
      .filter((part) => part.length > 3 && !FOREIGN.test(part) && !text.includes(part))
      .map((part) => `${part} (in: ${message})`),
  );
  expect(unknown).toEqual([]);
});
