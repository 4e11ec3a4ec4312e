"""Takes turns with the bench: says when it is ready, then works once for each line it is sent, and says how much."""

import json
import sys


def turns(work, **ready):
    print(json.dumps(ready), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"units": work()}), flush=True)
