// Takes the lock again and again, counts up in a file while it holds it, and says 3 where another is inside too.
// With "crash" it dies in the end while it holds the lock. Arguments: lock, counter, rounds, crash or not.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../../dist/lake/local/lock.js";

const [lock = "", counter = "", rounds = "", crash = ""] = process.argv.slice(2);
const inside = `${counter}.inside`;

for (let round = 1; round <= Number(rounds); round++) {
  await withLock(lock, async () => {
    if (isOtherInside()) process.exit(3);
    writeFileSync(inside, String(process.pid));
    const count = Number(readFileSync(counter, "utf8"));
    await sleep(Math.random() * 2);
    writeFileSync(counter, String(count + 1));
    if (crash === "crash" && round === Number(rounds)) process.kill(process.pid, "SIGKILL");
    rmSync(inside);
  });
}

function isOtherInside() {
  try {
    process.kill(Number(readFileSync(inside, "utf8")), 0);
    return true;
  } catch {
    return false;
  }
}
