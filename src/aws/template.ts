import { readFile } from "node:fs/promises";

/** The CloudFormation template that ships with the program. The path is the same from src/ and from dist/. */
export function readTemplate(): Promise<string> {
  return readFile(new URL("../../infra/usage-api.template.yaml", import.meta.url), "utf8");
}
