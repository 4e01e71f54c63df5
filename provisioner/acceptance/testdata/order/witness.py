# Tells of each of its starts, in memory: when it was, in microseconds since
# boot, on systemd's own clock.
import os
import signal
import sys
import time

with open(f"{os.environ['XDG_RUNTIME_DIR']}/{sys.argv[1]}.starts", "a", encoding="utf-8") as starts:
    starts.write(f"{time.monotonic_ns() // 1000}\n")
while True:
    signal.pause()
