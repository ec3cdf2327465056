"""`python -m kernels` compiles what is not yet compiled on this machine: before many processes start that would wait
for one another, or when an image is built. Kernels go to `native.cache_folder()`."""

from __future__ import annotations

import sys

from kernels import entry
from kernels.native import Kernel, cache_folder


def compile_all() -> int:
    """Makes every kernel ready to be loaded; how many there are."""
    kernels = [kernel for kernel in vars(entry).values() if isinstance(kernel, Kernel)]
    return sum(1 for kernel in kernels if kernel.address)


if __name__ == "__main__":
    print(f"{compile_all()} kernels are ready in {cache_folder()}", file=sys.stderr)
