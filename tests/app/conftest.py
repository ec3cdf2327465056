"""What the tests of the front door share: the command as a user calls it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.app.called import call as call_prebill

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
        return call_prebill(
            arguments,
            cwd=cwd,
            environment={
                **inherited,
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "100",
                "PYTHONUTF8": "1",
                **(environment or {}),
            },
            stdin=stdin,
            timeout=120,
        )

    return call
