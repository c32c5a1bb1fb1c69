"""Runs a command in a new terminal and types into it: python terminal.py PROMPT KEYS COMMAND…

Types KEYS after PROMPT appears. Prints the terminal's content on stdout, and exits with the command's exit code.
"""

import os
import pty
import sys

prompt, keys, command = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, typed = b"", False
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:  # on Linux, this means that no process has the terminal open any more
        break
    if not chunk:
        break
    shown += chunk
    if not typed and prompt in shown:
        os.write(terminal, keys)
        typed = True
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
