"""W1 by torchvision's transforms of the second kind, which work on tensors. Run as torch_small.py is."""

import sys

import torch
from torchvision.transforms import v2

from torch_small import MEAN, PADDING, SIDE, STD, main

TRANSFORMS = [
    v2.RandomCrop(SIDE, padding=PADDING),
    v2.RandomHorizontalFlip(),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize([MEAN], [STD], inplace=True),
]

if __name__ == "__main__":
    main(TRANSFORMS, sys.argv[1], *map(int, sys.argv[2:]))
