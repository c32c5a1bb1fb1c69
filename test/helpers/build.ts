import { execFileSync } from "node:child_process";

/** Tests drive the built CLI as a user does, so the build must be of the sources under test. */
export default function setup(): void {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
}
