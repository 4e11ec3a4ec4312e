"""W2 by torchvision's transforms of the second kind, which resize bytes as bytes. Run as torch_large.py is.

`antialias=False`, as F.interpolate in torch_large.py: the same four pixels are blended, and it is the faster form.
"""

import sys

import torch
from torchvision.transforms import v2

from torch_large import MEAN, RATIO, SCALE, SIZE, STD, main

TRANSFORMS = [
    v2.RandomResizedCrop(SIZE, scale=SCALE, ratio=RATIO, antialias=False),
    v2.RandomHorizontalFlip(),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize(MEAN, STD, inplace=True),
]

if __name__ == "__main__":
    main(TRANSFORMS, sys.argv[1], *map(int, sys.argv[2:]))
