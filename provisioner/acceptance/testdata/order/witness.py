# Tells of each of its starts, in memory: when it was, in microseconds since
# boot as systemd counts them, and with what environment.
import json
import os
import signal
import sys
import time

start = {"at": time.monotonic_ns() // 1000, "environ": dict(os.environ)}
with open(f"{os.environ['XDG_RUNTIME_DIR']}/{sys.argv[1]}.starts", "a", encoding="utf-8") as starts:
    starts.write(json.dumps(start) + "\n")
while True:
    signal.pause()
