"""Lines of keys in TOML: every key of every document, held against tomllib; and no text that makes it fail."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.shape import Key
from pipeline.toml_lines import find_lines


@given(st.text(max_size=300))
def test_lines_are_found_in_any_text_without_failing(text: str) -> None:
    assert all(1 <= line <= len(text.splitlines()) for line in find_lines(text).values())


@given(st.text(st.sampled_from("[]{}=,.\n#\"'a1 \\"), max_size=60))
def test_what_looks_like_toml_does_not_make_it_fail_either(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in find_lines(text).values())


def test_lines_of_nested_tables() -> None:
    lines = find_lines("a.b = 1\n[[edge]]\nid = 1\n[edge.sub]\nx = 2\n[[edge]]\n'i d' = 3\n")
    assert lines[("a", "b")] == 1
    assert lines[("edge", 0, "id")] == 3
    assert lines[("edge", 0, "sub", "x")] == 5
    assert lines[("edge", 1, "i d")] == 7


def test_lines_inside_lists_and_inline_tables() -> None:
    lines = find_lines(
        'tiers = [  # a "comment" = [\n  { up_to = "1",\n    price = "2" },\n\n  { price = "]" },\n]\nb = 1\n'
    )
    assert lines[("tiers",)] == 1
    assert lines[("tiers", 0)] == 2
    assert lines[("tiers", 0, "price")] == 3
    assert lines[("tiers", 1, "price")] == 5
    assert lines[("b",)] == 7


def test_what_a_text_says_is_no_key() -> None:
    text = 'a = """\nb = 1\n[c]\n"""\nd = \'\'\'\n"""\ne = 2\'\'\'\n"f = 1" = "\\"g = 2"\nwhen = 2026-01-01 00:00:00\n'
    tomllib.loads(text)
    assert find_lines(text) == {("a",): 1, ("d",): 5, ("f = 1",): 8, ("when",): 9}


@settings(deadline=None)
@given(
    st.recursive(
        st.integers(0, 9) | st.sampled_from(['"x"', '"a = [1"', "'#'", "2026-01-01", "1.5", "true"]),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.data(),
)
def test_every_key_has_the_line_it_was_written_on(value: Any, data: st.DataObject) -> None:
    expected: dict[Key, int] = {}
    text = "top ="

    def write(each: Any, key: Key) -> None:
        nonlocal text
        expected[key] = text.count("\n") + 1
        if isinstance(each, list):
            text += "["
            for place, item in enumerate(each):
                text += data.draw(st.sampled_from([" ", "\n", "\n# ]\n"]))
                write(item, (*key, place))
                text += ","
            text += "]"
        elif isinstance(each, dict):
            text += "{"
            for place, (name, item) in enumerate(each.items()):
                text += f"{',' if place else ''} {name} = "
                write(item, (*key, name))
            text += "}"
        else:
            text += str(each)

    write(value, ("top",))
    tomllib.loads(text)
    assert find_lines(text) == expected
