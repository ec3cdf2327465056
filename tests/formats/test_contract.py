"""The page *what a good line is*, case by case: each sentence of docs/formats.md beside a line that shows it.

Every case is read by the oracle and by the kernels.
"""

from __future__ import annotations

import pytest

from pipeline.formats.load import load_format, parse_format
from pipeline.formats.model import LogFormat
from tests.formats.both import read_both
from tests.kernels.oracle import Oracle, read_content

AT = 1795341600  # 2026-11-22T10:00:00Z
MINUTE = AT // 60


def delimited(extra: str = "", time: str = 'type = "epoch"', separator: str = ",") -> LogFormat:
    return parse_format(
        f"""
version = 1
name = "t"
kind = "delimited"
separator = "{separator}"
columns = ["time", "status", "bytes", "host", "cache", "edge", "seq"]
min_columns = 4
{extra}
[fields]
time = {{ column = "time", {time} }}
status = {{ column = "status" }}
bytes_sent = {{ column = "bytes" }}
resource = {{ column = "host" }}
cache = {{ column = "cache", hit = ["HIT"], optional = true }}
edge = {{ column = "edge", optional = true }}
seq = {{ column = "seq", optional = true }}
"""
    )


def ndjson(time: str = 'type = "iso"') -> LogFormat:
    return parse_format(
        f"""
version = 1
name = "t"
kind = "ndjson"
[fields]
time = {{ key = ["t", "r.t"], {time} }}
status = {{ key = "r.s" }}
bytes_sent = {{ key = "b", optional = true }}
resource = {{ key = "h", optional = true }}
cache = {{ key = "c", hit = ["HIT"], optional = true }}
"""
    )


def outcome(fmt: LogFormat, line: bytes) -> str:
    """The only line's reason, or empty."""
    found = read_both(fmt, line)
    assert found.lines == found.parsed + len(found.malformed) == 1
    return found.malformed[0][1] if found.malformed else ""


def key(found: Oracle) -> tuple[int, bytes, bytes, str, bytes]:
    assert len(found.groups) == 1
    return next(iter(found.groups))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1795341600,200,5,h", ""),
        (b"1795341600,200,5", "columns"),
        (b"1795341600,200,5,h,HIT,e,9,more,and,more", ""),
        (b"x,200,5,h", "time"),
        (b"x,y,5,h", "time"),
        (b"1795341600,y,x,h", "status"),
        (b"1795341600,1000,5,h", "status"),
        (b"1795341600,999,5,h", ""),
        (b"1795341600,-1,5,h", ""),
        (b"1795341600,-2,5,h", "status"),
        (b"1795341600,200,-1,h", "bytes"),
        (b"1795341600,200,5.0,h", "bytes"),
        (b"1795341600,200,+5,h", ""),
        (b"1795341600,200,9999999999999999,h", ""),
        (b"1795341600,200,+0009999999999999999,h", ""),
        (b"1795341600,200,10000000000000000,h", "bytes"),
        (b"1795341600,200,00000000000000000005,h", "bytes"),
        (b"1795341600,-,,h", ""),
        (b"1795341600,200,5," + b"h" * 255, ""),
        (b"1795341600,200,5," + b"h" * 256, "resource"),
        (b"1795341600,200,5,h,c," + b"e" * 256, "edge"),
        (b"1795341600,200,5,h,c,e,x", "seq"),
        (b"1795341600,200,5," + b"h" * 256 + b",c,e,x", "seq"),
    ],
)
def test_columns(line: bytes, reason: str) -> None:
    assert outcome(delimited(), line) == reason


@pytest.mark.parametrize(
    ("content", "counts"),
    [
        (b"", (0, 0, 0)),
        (b"\n", (1, 1, 0)),
        (b"\r\n\n\r\n", (3, 3, 0)),
        (b"1795341600,200,5,h\n1795341600,200,5,h", (2, 0, 2)),
        (b"1795341600,200,5,h\r\n\r", (2, 1, 1)),
        (b"\xef\xbb\xbf1795341600,200,5,h\n", (1, 0, 1)),
    ],
)
def test_line_ends(content: bytes, counts: tuple[int, int, int]) -> None:
    found = read_both(delimited(), content)
    assert (found.lines, found.blank, found.parsed) == counts


def test_offsets_are_of_first_bytes() -> None:
    found = read_both(delimited(), b"\xef\xbb\xbfbad\r\n1795341600,200,5,h\n\nworse\n")
    assert found.malformed == [(0, "columns"), (28, "columns")]


def test_comments_need_a_comment_character() -> None:
    content = b"# a\n1795341600,200,5,h\n # b\n"
    assert read_both(delimited(), content).comments == 0
    found = read_both(delimited('comment = "#"'), content)
    assert (found.comments, found.parsed, len(found.malformed)) == (1, 1, 1)


def test_a_line_over_16_mib_is_malformed_whatever_it_is() -> None:
    fmt = delimited('comment = "#"')
    limit = b"#" * (16 * 1024 * 1024)
    found = read_both(fmt, limit + b"\r\n" + limit + b"#\n")
    assert (found.comments, found.malformed) == (1, [(len(limit) + 2, "long")])


@pytest.mark.parametrize(
    ("line", "reason", "host"),
    [
        (b'1795341600,200,5,"a,b"', "", b"a,b"),
        (b'1795341600,200,5,"a\\",b"', "", b'a\\",b'),
        (b'1795341600,200,5,"a\\\\",b', "", b"a\\\\"),
        (b'1795341600,200,5,"a', "quote", b""),
        (b'1795341600,200,"', "quote", b""),
        (b'1795341600,200,5,a"b,c"d', "", b'a"b,c"d'),
        (b'1795341600,200,5,""', "", b"-"),
        (b'"1795341600","200","5",h', "", b"h"),
        (b'1795341600,200,5,h,HIT,e,1,\\"', "", b"h"),
    ],
)
def test_quotes(line: bytes, reason: str, host: bytes) -> None:
    fmt = delimited("quotes = true")
    assert outcome(fmt, line) == reason
    if not reason:
        assert key(read_both(fmt, line))[1] == host


def test_what_is_unknown_is_a_dash() -> None:
    assert key(read_both(delimited(), b"1795341600,,,")) == (MINUTE, b"-", b"-", "-", b"-")
    assert key(read_content(load_format("common"), GOOD_COMMON, edge="e1"))[2] == b"e1"


GOOD_COMMON = b'1.2.3.4 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n'


@pytest.mark.parametrize(
    ("line", "sums"),
    [
        (b"1795341600,200,5,h,HIT", [1, 5, 0, 1, 0, 0]),
        (b"1795341600,404,5,h,HITS", [1, 5, 0, 0, 1, 0]),
        (b"1795341600,499,5,h,hit", [1, 5, 0, 0, 1, 0]),
        (b"1795341600,500,-,h", [1, 0, 0, 0, 0, 1]),
        (b"1795341600,600,5,h", [1, 5, 0, 0, 0, 0]),
    ],
)
def test_sums(line: bytes, sums: list[int]) -> None:
    assert read_both(delimited(), line).totals == sums


def test_status_classes() -> None:
    lines = b"".join(b"1795341600,%d,5,h\n" % status for status in (0, 99, 100, 299, 304, 600, 999))
    classes = [entry[3] for entry in read_both(delimited(), lines).groups]
    assert classes == ["-", "1xx", "2xx", "3xx", "6xx", "9xx"]


def test_a_long_cache_status_is_cut_but_compared_whole() -> None:
    assert key(read_both(delimited(), b"1795341600,200,5,h," + b"x" * 100))[4] == b"x" * 63


@pytest.mark.parametrize(
    ("text", "second"),
    [
        (b"1795341600", AT),
        (b"1795341600.999", AT),
        (b"1795341600.", AT),
        (b"1795341600123", AT),
        (b"1795341600123456", AT),
        (b"1795341600123456789", AT),
        (b"4294967295", 4294967295),
        (b"4294967296", None),
        (b"0", 0),
        (b"-1", None),
        (b"", None),
        (b"-", None),
        (b"1.7e9", None),
        (b"12345678901234567890", None),
        (b" 1795341600", None),
    ],
)
def test_epochs(text: bytes, second: int | None) -> None:
    check_time(delimited(), text, second)


def check_time(fmt: LogFormat, text: bytes, second: int | None) -> None:
    found = read_both(fmt, text + b",200,5,h\n")
    if second is None:
        assert found.malformed == [(0, "time")]
    else:
        assert key(found)[0] == second // 60


@pytest.mark.parametrize(
    ("text", "second"),
    [
        (b"2026-11-22T10:00:00Z", AT),
        (b"2026-11-22t10:00:00z", AT),
        (b"2026-11-22 13:00:00.123456789+03:00", AT),
        (b"[2026-11-22T13:00:00.5+0300]", AT),
        (b"2026-11-22T07:30:00", AT),
        (b"2026-11-22T07:30:00.1]", AT),
        (b"2026-11-22T09:59:60Z", AT),
        (b"[2026-11-22T10:00:00Z", None),
        (b"2026-11-22T10:00:00.Z", None),
        (b"2026-11-22T10:00:61Z", None),
        (b"2026-11-22T24:00:00Z", None),
        (b"2026-02-29T10:00:00Z", None),
        (b"2028-02-29T00:00:00Z", 1835395200),
        (b"2026-11-22T10:00:00+24:00", None),
        (b"2026-11-22T10:00:00+3", None),
        (b"1969-12-31T23:59:59Z", None),
        (b"1969-12-31T23:59:59-00:01", 59),
        (b"2026-11-22", None),
    ],
)
def test_iso(text: bytes, second: int | None) -> None:
    check_time(delimited(time='type = "iso", zone = "-02:30"'), text, second)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        (b"[22/Nov/2026:13:00:00 +0300]", AT),
        (b"22/Nov/2026:13:00:00 +0300", AT),
        (b"[22/Nov/2026:13:00:00.655]", AT),
        (b"22/Nov/2026:13:00:00", AT),
        (b"[22/Nov/2026:13:00:00", None),
        (b"[22/nov/2026:13:00:00 +0300]", None),
        (b"[31/Nov/2026:13:00:00 +0300]", None),
        (b"[22/Nov/2026:13:00:00 +03:00]", None),
        (b"[22/Nov/2026:13:00:00 +2400]", None),
        (b"[22/Nov/2026:13:00:00 +0300]x", None),
        (b"2/Nov/2026:13:00:00", None),
    ],
)
def test_clf(text: bytes, second: int | None) -> None:
    check_time(delimited(time='type = "clf", zone = "+03:00"'), text, second)


def test_clf_offset_beyond_the_separator() -> None:
    fmt = delimited(time='type = "clf"', separator=" ")
    for offset, second in ((b" +0300]", AT - 10800), (b" -0330]", AT + 12600)):
        line = b"[22/Nov/2026:10:00:00" + offset
        found = read_both(fmt, line + b" 5 h\n")  # the offset is the second column, the status here
        assert found.malformed == [(0, "status")]
        assert second  # the time was read, or its fault would have been named first
    assert outcome(fmt, b"[22/Nov/2026:10:00:00 +0300]x 5 h") == "time"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"t":1795341600,"r":{"s":200},"b":5}', ""),
        (b' \t{ "t" : "2026-11-22T10:00:00Z" , "r" : { "x":[{"s":1}], "s" : "200" } }\t', ""),
        (b'{"r":{"t":1795341600.5,"s":null}}', ""),
        (b'{"t":1795341600,"r":[{"s":200}]}', "status"),
        (b'{"t":1795341600,"s":200}', "status"),
        (b'{"t":1795341600,"r":{"s":true}}', "status"),
        (b'{"t":1795341600,"r":{"s":{}}}', "status"),
        (b'{"t":1795341600,"r":{"s":200},"b":5.0}', "bytes"),
        (b'{"t":1795341600,"r":{"s":200},"b":[5]}', "bytes"),
        (b'{"t":1795341600,"r":{"s":200},"b":"-"}', ""),
        (b'{"t":1.795e9,"r":{"s":200}}', "time"),
        (b'{"t":null,"r":{"s":200}}', "time"),
        (b'{"r":{"s":200}}', "time"),
        (b'{"t":1795341600,"r":{"s":200},"h":true}', "resource"),
        (b'{"t":1795341600,"r":{"s":200},"h":12}', ""),
        (b'{"t":1795341600,"r":{"s":200},"c":false}', "cache"),
        (b'{"t":1795341600,"r":{"s":200}', "json"),
        (b'{"t":1795341600,"r":{"s":200}}}', "json"),
        (b'{"t":1795341600}{"r":{"s":200}}', "json"),
        (b'{"t":1795341600,"r":{"s":200],"x":[}}', "json"),
        (b'{"t":1795341600,"r":{"s":200},"x":"}', "json"),
        (b'{"t":1795341600,"r":{"s":200},"x":"\\"}', "json"),
        (b'{"t":1795341600,"r":{"s":200},"x":"\\\\"}', ""),
        (b'{"t":1795341600,"r":{"s":200},"x":"}{]"}', ""),
        (b'[{"t":1795341600}]', "json"),
        (b"{}", "time"),
        (b'{"t":1795341600,"r":{"s":200},"x":' + b"[" * 63 + b"]" * 63 + b"}", ""),
        (b'{"t":1795341600,"r":{"s":200},"x":' + b"[" * 64 + b"]" * 64 + b"}", "json"),
    ],
)
def test_ndjson(line: bytes, reason: str) -> None:
    assert outcome(ndjson(), line) == reason


def test_strings_are_taken_as_they_are_written() -> None:
    line = b'{"t":1795341600,"r":{"s":200},"h":"a\\/b\\u0041","c":""}'
    assert key(read_both(ndjson(), line)) == (MINUTE, b"a\\/b\\u0041", b"-", "2xx", b"-")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (b"https://example.com:8443/a?b", b"example.com:8443"),
        (b"http://example.com?x=http://y/", b"example.com"),
        (b"http://example.com#x", b"example.com"),
        (b"//example.com/", b"//example.com/"),
        (b"example.com", b"example.com"),
        (b"http:///x", b"-"),
    ],
)
def test_hosts_of_urls(url: bytes, host: bytes) -> None:
    fmt = parse_format(
        """
version = 1
name = "t"
kind = "delimited"
separator = " "
columns = ["time", "url"]
[fields]
time = { column = "time", type = "epoch" }
resource = { column = "url", url_host = true }
"""
    )
    assert key(read_both(fmt, b"1795341600 " + url))[1] == host


def test_a_prefix_is_skipped_up_to_its_first_end() -> None:
    fmt = delimited('prefix_until = "]: "')
    assert outcome(fmt, b"x[1]: 1795341600,200,5,]: h") == ""
    assert outcome(fmt, b"1795341600,200,5,h") == "prefix"


def test_a_header_that_changes_in_mid_file() -> None:
    content = b"""2026-11-22 10:00:00 200 1
#Fields: date time sc-status sc-bytes
2026-11-22 10:00:00 200 10
#Fields: sc-bytes date time
100 2026-11-22 10:01:00
#Fields: date sc-bytes
2026-11-22 1000
#Fields:
2026-11-22 10:00:00 200 10000
"""
    found = read_both(load_format("w3c"), content)
    assert found.malformed == [(0, "columns"), (166, "columns"), (191, "columns")]
    assert found.totals == [2, 110, 0, 0, 0, 0]
    assert [entry[3] for entry in found.groups] == ["2xx", "-"]
