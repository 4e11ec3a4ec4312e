"""Ready-made batches from a Furrow service, by its Python client. Run with: folder of the client, URL, batches a turn, bytes of each."""

import sys

from turns import turns

sys.path.insert(0, sys.argv[1])
from furrow_client import Run

COUNT, BYTES = map(int, sys.argv[3:])
run = Run(sys.argv[2], epochs=1)


def work():
    for _ in range(COUNT):
        next(run)
    return COUNT * BYTES


turns(work)
