"""Detection names the right format from a log's first lines, or says what it tried and why nothing fits."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.formats.detect import DetectionError, detect
from pipeline.formats.load import builtin_names
from tests.formats.golden_files import GOLDEN

LINE = b'203.0.113.4 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 612'
COMBINED = LINE + b' "-" "curl/8.14.1"\n'


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.log").read_bytes()


def test_the_more_demanding_format_wins() -> None:
    assert detect((LINE + b"\n") * 3).name == "common"
    assert detect(COMBINED * 3).name == "combined"


def test_a_few_lines_without_referer_make_a_log_common() -> None:
    assert detect(COMBINED * 5 + (LINE + b"\n") * 5).name == "common"


def test_one_broken_line_does_not_turn_combined_into_common() -> None:
    assert detect(COMBINED * 20 + LINE + b' "-" "curl\n').name == "combined"


def test_columns_behind_the_known_ones_do_not_matter() -> None:
    assert detect(COMBINED.replace(b"\n", b' "-" 0.001\n') * 3).name == "combined"


def test_junk_before_the_log() -> None:
    assert detect(b"started\nlistening on :80\n\n" + COMBINED * 3).name == "combined"


@pytest.mark.parametrize(
    "prefix", [b"<190>Nov 22 10:00:00 web1 nginx: ", b"web_1  | ", b"Nov 22 10:00:00 web1 nginx[7]: "]
)
def test_a_prefix_of_each_line_is_found_out(prefix: bytes) -> None:
    found = detect(b"".join(prefix + COMBINED for _ in range(3)))
    assert found.name == "combined"
    assert found.format.prefix_until
    assert prefix.endswith(found.format.prefix_until)
    assert "left out" in found.why


def test_a_byte_order_mark_and_dos_line_ends() -> None:
    assert detect(b"\xef\xbb\xbf" + golden("w3c").replace(b"\n", b"\r\n")).name == "w3c"


def test_cloudfront_without_its_header_in_its_documented_columns() -> None:
    content = b"".join(line for line in golden("cloudfront").splitlines(True) if not line.startswith(b"#"))
    assert detect(content).name == "cloudfront"


RFC_7937 = (
    b"#version:\tcdni/1.0\n#claimed-origin:\tdcdn-1.example.com\n#RECORD-TYPE:\tcdni_http_request_v1\n"
    b"#fields:\tdate\ttime\tc-groupid\tcs-method\tcs-uri\tprotocol\tsc-status\t%s\ts-cached\n"
    b"2013-05-17\t00:38:06.825\tUS/TN\tGET\thttp://v.dcdn-1.example.com/1.mp4\tHTTP/1.1\t200\t6729891\t1\n"
)


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (RFC_7937 % b"sc-total-bytes", "bytes_sent"),
        (RFC_7937 % b"sc-entity-bytes", "body_bytes"),
        (b"".join(RFC_7937.splitlines(True)[3:]) % b"sc-total-bytes", "bytes_sent"),
    ],
)
def test_a_cdni_log_needs_no_uri_of_the_upstream(content: bytes, known: str) -> None:
    found = detect(content).format
    assert found.name == "cdni"
    assert known in found.known
    assert found.with_header(content.splitlines()[-2]).resource is not None


def test_a_line_cut_by_the_end_of_the_head_does_not_count() -> None:
    found = detect(COMBINED * 4 + COMBINED[:50])
    assert (found.confidence, found.name) == (1.0, "combined")


def test_a_single_line_without_its_end() -> None:
    assert detect(COMBINED.rstrip()).name == "combined"


def test_garbage_lists_what_was_tried() -> None:
    with pytest.raises(DetectionError) as caught:
        detect(b"lorem ipsum dolor\n" * 10)
    assert "lorem ipsum" in str(caught.value)
    assert {candidate.name for candidate in caught.value.tried} == set(builtin_names())
    assert all(candidate.fault for candidate in caught.value.tried)
    assert "none of 10 lines is read by the others" in str(caught.value)
    assert "columns (ats, " in str(caught.value)


def test_counters_are_no_access_log() -> None:
    line = b'{"version":6,"timestamp":1446249499322,"connections":{"accepted":1},"server_zones":{}}\n'
    with pytest.raises(DetectionError, match="counters of a server's status page, no log of requests"):
        detect(line * 3)


def test_unknown_json_tells_its_keys() -> None:
    with pytest.raises(DetectionError, match="JSON objects with the keys when, what"):
        detect(b'{"when":1,"what":2}\n')


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"", "the log is empty"),
        (b"#Version: 1.0\n#Fields: date time\n", "no line of a request"),
        (b"\x1f\x8b\x08\x00abc\n", "gzip"),
    ],
)
def test_nothing_to_judge_by(head: bytes, message: str) -> None:
    with pytest.raises(DetectionError, match=message):
        detect(head)


def test_an_application_log_with_time_and_status_is_no_traffic() -> None:
    with pytest.raises(DetectionError, match="no key of bytes"):
        detect(b'{"time":"2026-11-22T10:00:00Z","status":200,"msg":"job done"}\n' * 5)


def test_detection_imports_nothing_heavy() -> None:
    code = "import sys, pipeline.formats.detect; print(*sorted(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "tomllib" in loaded
    assert not {"numba", "numpy", "pyarrow", "apache_beam", "chdb", "msgspec", "rich"} & set(loaded)


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_bytes_of_any_kind_are_a_format_or_an_explanation(noise: bytes) -> None:
    with contextlib.suppress(DetectionError):
        assert 0 < detect(noise).confidence <= 1


@given(st.sampled_from(builtin_names()), st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_golden_lines_are_a_format_or_an_explanation(name: str, data: st.DataObject) -> None:
    content = bytearray(golden(name))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + 1] = data.draw(
            st.sampled_from([b"", b'"', b"\\", b"\n", b"\\ud800", b"}", b"\xff", b" ", b"\t"])
        )
    with contextlib.suppress(DetectionError):
        assert 0 < detect(bytes(content)).confidence <= 1


def test_a_first_line_longer_than_the_head() -> None:
    assert detect(COMBINED.replace(b"curl", b"c" * 100_000) + COMBINED).name == "combined"


def test_haproxy_behind_a_prefix_of_rfc_5424() -> None:
    prefix = b"<134>1 2026-11-22T10:00:01.123Z lb1 haproxy 123 - - "
    lines = [line for line in golden("haproxy-raw").splitlines(True) if line[:1].isdigit()]
    found = detect(b"".join(prefix + line for line in lines))
    assert (found.name, found.format.prefix_until, found.confidence) == ("haproxy-raw", b" - - ", 1.0)
