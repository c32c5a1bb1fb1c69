"""Runs a command on a terminal of its own and types into it: python terminal.py PROMPT KEYS COMMAND…

KEYS are typed once PROMPT is there. What the terminal shows comes on stdout, and the command's exit code is ours.
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
    except OSError:  # Linux's way to say that nobody has the terminal open any more
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
