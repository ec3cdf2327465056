"""`python -m kernels` leaves nothing to be compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kernels import entry
from kernels.native import Kernel, cache_folder

ROOT = Path(__file__).parents[2]


def test_every_kernel_is_kept_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kernels"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    kernels = [kernel for kernel in vars(entry).values() if isinstance(kernel, Kernel)]
    assert done.stderr == f"{len(kernels)} kernels are ready in {cache_folder()}\n"
    kept = {path.name for path in cache_folder().glob("*.o")}
    assert kept >= {f"{kernel.module}.{kernel.name}.o" for kernel in kernels}
    assert len(kernels) > 20
