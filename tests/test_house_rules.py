"""The rules of the house that no other tool holds: rooms, sizes, documented commands, no paths of one machine."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
from importlib import import_module
from pathlib import Path

import docstring_parser
import pytest

from pipeline.app import catalogue
from pipeline.app.clidocs import cli_page

ROOT = Path(__file__).parents[1]
ROOMS = {"docs", "incidents", "infra", "kernels", "loadtest", "pipeline", "tests"}
LONGEST = 400

# Written in pieces, so that this file is not what it looks for. Tests may try to write to a place that is everywhere.
HOMES = ("/wor" + "k/", "/roo" + "t/", "/hom" + "e/[a-z]", "/op" + "t/venv")
MACHINE_PATHS = re.compile("|".join((*HOMES, "/tm" + "p/[a-z]")))
MACHINE_PATHS_IN_TESTS = re.compile("|".join(HOMES))


def tracked(pattern: str = "") -> list[Path]:
    """Files that git knows, and new ones that it does not ignore."""
    command = [
        "git",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        *([pattern] if pattern else []),
    ]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_top_level_is_the_rooms_and_what_every_repository_has() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked() if len(path.relative_to(ROOT).parts) > 1}
    assert {name for name in top if not name.startswith(".")} <= ROOMS


def test_no_file_holds_two_ideas() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked("*.py")
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert not silent


def test_no_path_of_one_machine_is_tracked() -> None:
    found = []
    for path in tracked():
        if path.suffix in {".lock", ".parquet", ".gz", ".zst"}:
            continue
        wrong = MACHINE_PATHS_IN_TESTS if path.is_relative_to(ROOT / "tests") else MACHINE_PATHS
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if wrong.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-bench.lock"])
def test_locks_pin_every_package_and_name_no_index(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert lines
    assert all(re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==\S+( ; .+)?$", line) for line in lines)


def test_the_locks_agree_with_each_other_and_hold_what_the_project_asks_for() -> None:
    import tomllib

    def pins(name: str) -> dict[str, str]:
        pairs = (line.split(" ;")[0].split("==") for line in (ROOT / name).read_text().splitlines())
        return {package.split("[")[0]: version for package, version in pairs}

    run, dev, bench = (pins(f"requirements{kind}.lock") for kind in ("", "-dev", "-bench"))
    assert run.items() <= dev.items() <= bench.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {"": project["project"]["dependencies"], **project["dependency-groups"]}
    for kind, asked in (("", run), ("dev", dev), ("bench", bench)):
        names = {re.split(r"[^A-Za-z0-9._-]", text)[0].lower() for text in wanted[kind]}
        assert {re.sub(r"[._]", "-", name) for name in names} <= asked.keys(), "run `make lock`"


@pytest.mark.parametrize("command", catalogue.COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_on_itself_and_each_parameter(command: catalogue.Command) -> None:
    module, name = command.function.split(":")
    assert module == f"pipeline.app.commands.{command.name}"
    function = getattr(import_module(module), name)
    documented = docstring_parser.parse(function.__doc__)
    assert documented.short_description
    helped = {each.arg_name for each in documented.params if each.description}
    hidden = {"context", "lines"}
    assert set(inspect.signature(function).parameters) - hidden == helped


def test_every_command_has_a_line_in_the_help() -> None:
    registered = {path.stem for path in (ROOT / "pipeline/app/commands").glob("*.py")} - {"__init__"}
    assert registered == {command.name for command in catalogue.COMMANDS}


def test_the_page_of_the_command_line_is_what_the_commands_say() -> None:
    written = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert written == cli_page(), "run `make docs`"


def test_readme_has_the_two_commands_and_the_marks_of_its_speed_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme
    assert readme.index("<!-- bench:start -->") < readme.index("<!-- bench:end -->")
    assert "make test" in (ROOT / ".ci/run").read_text()


def test_links_of_the_docs_lead_somewhere() -> None:
    broken = []
    for page in tracked("*.md"):
        targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        broken += [
            f"{page.relative_to(ROOT)}: {target}"
            for target in targets
            if "://" not in target and not (page.parent / target).exists()
        ]
    assert not broken
