"""Runs a command on a terminal of its own, 24 lines of 100 columns: what is read here is typed there, what it shows is written here.

The last line on standard error is JSON: the command's exit code, and whether the terminal's settings are as they were before.
"""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios

ours, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
before = termios.tcgetattr(theirs)
# A session of its own, whose terminal this is: Ctrl-C is a signal there unless the command takes keys as they are.
command = subprocess.Popen(
    sys.argv[1:],
    stdin=theirs,
    stdout=theirs,
    stderr=theirs,
    start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
)
watched = [ours, 0]
while True:
    ready, _, _ = select.select(watched, [], [], 0.1)
    if 0 in ready:
        keys = os.read(0, 4096)
        if keys:
            os.write(ours, keys)
        else:
            watched.remove(0)
    if ours in ready:
        os.write(1, os.read(ours, 65536))
    elif command.poll() is not None:
        break
print(json.dumps({"code": command.returncode, "restored": termios.tcgetattr(theirs) == before}), file=sys.stderr)
