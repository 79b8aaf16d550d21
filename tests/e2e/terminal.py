"""Runs a command in a terminal and answers yes where it asks, as a person would.

Prints what the command prints and ends as it does.
"""

import os
import pty
import sys

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
asked = b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        # Linux says so when the last one that had the terminal has closed it.
        break
    if not part:
        break
    os.write(1, part)
    asked = (asked + part)[-64:]
    if b"[y/N]" in asked:
        os.write(terminal, b"y\n")
        asked = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
