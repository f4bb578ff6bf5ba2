"""Runs a program in a terminal of its own, presses a key once it shows a word, and
prints as JSON how it ended and what was on the terminal."""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

LONG = 60

word, key, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm-256color"
    os.execv(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
shown, pressed, end = b"", False, time.monotonic() + LONG
while time.monotonic() < end:
    ready, _, _ = select.select([terminal], [], [], 0.2)
    if ready:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    if not pressed and word.encode() in shown:
        os.write(terminal, key.encode())
        pressed = True
else:
    os.kill(child, 9)
_, status = os.waitpid(child, 0)
print(json.dumps({
    "code": os.waitstatus_to_exitcode(status),
    "pressed": pressed,
    "shown": shown.decode(errors="replace"),
}))
