"""What the tests of the front door share: the command as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Prebill = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def prebill(tmp_path: Path) -> Prebill:
    """Calls the command in a folder of its own, away from anyone's configuration; bounded in time."""

    def call(
        *arguments: str, cwd: Path = tmp_path, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREBILL_")}
        if cache := os.environ.get("PREBILL_CACHE"):
            inherited["PREBILL_CACHE"] = cache
        return subprocess.run(
            [sys.executable, "-m", "pipeline.app.main", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=cwd,
            input=stdin,
            env={
                **inherited,
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "100",
                "PYTHONUTF8": "1",
                **(environment or {}),
            },
        )

    return call
