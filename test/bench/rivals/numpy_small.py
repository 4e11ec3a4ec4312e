"""W1 by NumPy, a whole batch at once: padding once for all, then one indexed read, one conversion, two operations in
place. No loader, no workers. Run with: pixels, samples, batch size.
"""

import sys

import numpy as np

from turns import turns

SIDE, PADDING, MEAN, STD = 28, 4, 0.1307, 0.3081


def main(path, samples, batch):
    images = np.fromfile(path, dtype=np.uint8).reshape(samples, SIDE, SIDE)
    padded = np.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    labels = np.arange(samples, dtype=np.uint8) % 10
    rng = np.random.default_rng(42)
    along = np.arange(SIDE)

    def epoch():
        seen = 0
        order = rng.permutation(samples)
        for first in range(0, samples, batch):
            index = order[first : first + batch]
            size = len(index)
            rows = rng.integers(2 * PADDING + 1, size=size)[:, None] + along
            columns = rng.integers(2 * PADDING + 1, size=size)[:, None] + along
            flipped = rng.random(size) < 0.5
            columns[flipped] = columns[flipped, ::-1]
            crop = padded[index[:, None, None], rows[:, :, None], columns[:, None, :]]
            image = crop.astype(np.float32)
            image *= np.float32(1 / (255 * STD))
            image -= np.float32(MEAN / STD)
            label = labels[index]
            seen += len(image) + 0 * int(label[0])
        return seen

    turns(epoch)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
