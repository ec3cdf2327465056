"""SIP's text, as RFC 3261 says it: what we ask, and which answers are ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.probes.sip_messages import (
    Call,
    message_length,
    options_request,
    read_answer,
    retransmits,
)

CALL = Call("sip:support@example.ru", "udp", "192.0.2.7", 40_000, "0123456789abcdef0123456789abcdef")
VIA = f"Via: SIP/2.0/UDP 192.0.2.7:40000;branch={CALL.branch};rport=5;received=192.0.2.7"


def answer(first: str = "SIP/2.0 200 OK", via: str = VIA, cseq: str = "CSeq: 1 OPTIONS") -> bytes:
    return "\r\n".join((first, via, cseq, "Content-Length: 0", "", "")).encode()


def test_the_request_has_what_rfc_3261_demands() -> None:
    head, blank, body = options_request(CALL).decode().partition("\r\n\r\n")
    assert (blank, body) == ("\r\n\r\n", "")
    first, *headers = head.split("\r\n")
    assert first == "OPTIONS sip:support@example.ru SIP/2.0"
    names = [line.partition(":")[0] for line in headers]
    assert {"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq"} <= set(names)  # 8.1.1
    assert len(names) == len(set(names))
    assert f"branch=z9hG4bK{CALL.token}" in headers[names.index("Via")]
    assert ";tag=" in headers[names.index("From")]
    assert ";tag=" not in headers[names.index("To")]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (answer(), 200),
        (answer("SIP/2.0 100 Trying"), 100),
        (answer("SIP/2.0 503 Service Unavailable"), 503),
        (answer("SIP/2.0 486"), 486),
        (answer(via=VIA.replace("Via", "v")), 200),
        (answer(via=VIA.replace(";branch", "\r\n ;branch")), 200),
        (answer(via=f"{VIA}, SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKother"), 200),
        (answer(via=f"{VIA}\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKother"), 200),
        (answer(via=VIA.replace(CALL.branch, "z9hG4bKother")), None),
        (answer(via=f"Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKother\r\n{VIA}"), None),
        (answer(cseq="CSeq: 1 INVITE"), None),
        (answer("SIP/2.0 2000 OK"), None),
        (answer("HTTP/1.1 200 OK"), None),
        (options_request(CALL), None),
        (b"", None),
    ],
)
def test_which_answers_are_ours(raw: bytes, status: int | None) -> None:
    found = read_answer(raw, CALL)
    assert (found.status if found else None) == status


@given(st.binary(max_size=400))
def test_anything_may_come(raw: bytes) -> None:
    assert read_answer(raw, CALL) is None or raw.lstrip(b"\r\n").startswith(b"SIP/2.0 ")
    length = message_length(raw)
    assert length is None or length >= 4


def test_a_message_in_a_stream_ends_where_its_length_says() -> None:
    raw = answer().replace(b"Content-Length: 0", b"l: 5")
    assert message_length(raw[:-1]) is None
    assert message_length(raw) == len(raw) + 5
    assert message_length(raw + b"hellomore") == len(raw) + 5


def test_a_datagram_is_sent_again_after_half_a_second_then_twice_as_late_up_to_four() -> None:
    times = retransmits()
    assert times[:6] == (0.5, 1.5, 3.5, 7.5, 11.5, 15.5)  # timer E of 17.1.2.2, T1 500 ms, T2 4 s
    assert times[-1] < 32
