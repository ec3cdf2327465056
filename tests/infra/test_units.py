"""The units of systemd start commands that there are, with a folder for compiled kernels that they may write."""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path

import pytest

from pipeline.app import catalogue

UNITS = Path(__file__).parents[2] / "infra" / "systemd"
STARTED = {"prebill.service": "run", "prebill-up.service": "up"}


@pytest.mark.parametrize("name", sorted(STARTED))
def test_a_unit_starts_a_command_and_keeps_its_kernels(name: str) -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((UNITS / name).read_text(encoding="utf-8"))
    service = unit["Service"]
    command = service["ExecStart"].split()[1]
    assert command == STARTED[name]
    assert command in {each.name for each in catalogue.COMMANDS}
    assert service["Environment"] == f"PREBILL_CACHE=/var/cache/{service['CacheDirectory']}"
