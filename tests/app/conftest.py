"""What the tests of the front door share: the command as a user calls it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.app.called import call as call_prebill

ROOT = Path(__file__).parents[2]
Prebill = Callable[..., subprocess.CompletedProcess[str]]


def calling(folder: Path) -> Prebill:
    """Calls the command in a folder, away from anyone's configuration; bounded in time."""

    def call(
        *arguments: str, cwd: Path = folder, stdin: str = "", environment: Mapping[str, str] | None = None
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


@pytest.fixture
def prebill(tmp_path: Path) -> Prebill:
    """Calls it in a folder of its own."""
    return calling(tmp_path)


def copy_site(made: Path, folder: Path) -> None:
    """A site that was made once, in a folder of one's own: times kept, the configuration naming it."""
    shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
    config = folder / "prebill.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(str(made), str(folder)), encoding="utf-8")
