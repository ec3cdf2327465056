"""Every built-in format reads its golden lines to the sums beside them, and is the one that detection names."""

from __future__ import annotations

import json

import pytest

from pipeline.formats.detect import detect
from pipeline.formats.load import builtin_names, load_format
from tests.formats.golden_files import GOLDEN, as_text
from tests.kernels.oracle import read_content

DOCUMENTED = """
edge-tsv common combined vhost-combined nginx-json ats varnish haproxy caddy envoy cloudfront w3c cloudflare-logpush
fastly gcp-cdn azure-frontdoor bunny akamai-datastream cdni
"""


def test_all_documented_formats_are_built_in() -> None:
    assert set(DOCUMENTED.split()) <= set(builtin_names())


def test_golden_files_and_formats_are_the_same_set() -> None:
    assert {path.stem for path in GOLDEN.glob("*.log")} == set(builtin_names())


@pytest.mark.parametrize("name", builtin_names())
def test_golden_sums(name: str) -> None:
    found = read_content(load_format(name), (GOLDEN / f"{name}.log").read_bytes())
    assert as_text(found) == json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", builtin_names())
def test_golden_sums_with_dos_line_ends_and_no_last_one(name: str) -> None:
    content = (GOLDEN / f"{name}.log").read_bytes()
    plain = read_content(load_format(name), content)
    dos = read_content(load_format(name), content.removesuffix(b"\n").replace(b"\n", b"\r\n"))
    assert dos.groups == plain.groups
    assert [reason for _, reason in dos.malformed] == [reason for _, reason in plain.malformed]


@pytest.mark.parametrize("name", builtin_names())
def test_detection_names_the_format(name: str) -> None:
    assert detect((GOLDEN / f"{name}.log").read_bytes()).name == name


@pytest.mark.parametrize("name", builtin_names())
def test_format_says_where_its_facts_come_from(name: str) -> None:
    fmt = load_format(name)
    assert fmt.name == name
    assert fmt.title
    assert fmt.source.startswith("https://") or fmt.source == "docs/formats.md"
