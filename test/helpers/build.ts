import { execFileSync } from "node:child_process";

/** Tests run the built CLI like a user does, so the build must match the sources under test. */
export default function setup(): void {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
}
