import { access, chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { workFolder } from "./folders.ts";

/**
 * Stand-ins for the schedulers' tools, which keep what they get in files of their own, below the home folder. The real ones of
 * this machine are never called.
 */
const TOOLS: Readonly<Record<string, string>> = {
  crontab: `
case "$1" in
  -l)
    if [ -e "$HOME/crontab-is-forbidden" ]; then echo "You ($USER) are not allowed to use this program" >&2; exit 1; fi
    if [ ! -e "$HOME/crontab.stored" ]; then echo "no crontab for user" >&2; exit 1; fi
    cat "$HOME/crontab.stored" ;;
  -) cat > "$HOME/crontab.stored" ;;
  *) exit 2 ;;
esac`,
  systemctl: `
units="$HOME/.config/systemd/user"
[ "$1" = --user ] || exit 2
if [ -e "$HOME/no-bus" ]; then echo "Failed to connect to bus: No medium found" >&2; exit 1; fi
case "$2" in
  show-environment | daemon-reload) ;;
  enable) [ -e "$units/$4" ] || exit 1; mkdir -p "$HOME/enabled"; ln -sf "$units/$4" "$HOME/enabled/$4" ;;
  disable) rm -f "$HOME/enabled/$4" ;;
  show)
    case "$3" in
      *.timer)
        if [ -e "$HOME/enabled/$3" ]; then printf 'ActiveState=active\\nNextElapseUSecRealtime=@1795921200\\n'
        else printf 'ActiveState=inactive\\nNextElapseUSecRealtime=\\n'; fi ;;
      *) cat "$HOME/service-state" 2>/dev/null || printf 'ExecMainStatus=0\\nExecMainExitTimestamp=\\n' ;;
    esac ;;
  *) exit 2 ;;
esac`,
  launchctl: `
case "$1" in
  bootstrap) cp "$3" "$HOME/launchd.loaded" ;;
  bootout) [ -e "$HOME/launchd.loaded" ] || { echo "Boot-out failed: 3: No such process" >&2; exit 3; }; rm "$HOME/launchd.loaded" ;;
  print) [ -e "$HOME/launchd.loaded" ] || exit 113; printf 'state = not running\\n  last exit code = 13\\n' ;;
  *) exit 2 ;;
esac`,
  schtasks: `
case "$1" in
  /Create) iconv -f UTF-16 -t UTF-8 "$5" > "$HOME/task.xml" ;;
  /Query) [ -e "$HOME/task.xml" ] || { echo "ERROR: The system cannot find the file specified." >&2; exit 1; }; cat "$HOME/task.xml" ;;
  /Delete) rm "$HOME/task.xml" ;;
  *) exit 2 ;;
esac`,
  "powershell.exe": `printf '{"last": 13, "next": 1795921200000}'`,
};

/** The moment that the stand-ins report as the next run. */
export const NEXT_RUN = "2026-11-29T03:00:00.000Z";

/** A home folder, and the environment of a machine with these tools only. */
export async function machineWith(...tools: string[]) {
  const home = await workFolder();
  const bin = join(home, "bin");
  await mkdir(bin);
  for (const tool of tools) {
    await writeFile(join(bin, tool), `#!/bin/sh\n${TOOLS[tool] ?? "exit 2"}\n`);
    await chmod(join(bin, tool), 0o755);
  }
  // The stand-ins themselves need the shell's usual programs, but none of the machine's schedulers.
  const usual = await usualPrograms(bin);
  return { home, env: { HOME: home, PATH: [bin, usual].join(delimiter) } };
}

const USUAL = ["cat", "cp", "rm", "mkdir", "ln", "printf", "iconv", "sh"];

/** A folder with links to the programs that the stand-ins call. */
async function usualPrograms(beside: string): Promise<string> {
  const folder = `${beside}-usual`;
  await mkdir(folder);
  for (const name of USUAL) {
    for (const place of ["/usr/bin", "/bin"]) {
      const path = join(place, name);
      const exists = await access(path).then(
        () => true,
        () => false,
      );
      if (!exists) continue;
      await symlink(path, join(folder, name));
      break;
    }
  }
  return folder;
}
