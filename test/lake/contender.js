// Takes the lock repeatedly and increments a counter in a file while holding it. Exits with 3 if another process is inside, too.
// With "crash" it finally dies while holding the lock. Arguments: lock, counter, rounds, crash or not.
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
