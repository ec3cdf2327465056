"""Support requests by HTTP, without sockets: who is let in, what a body may be, how often, what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.desk.api.answers import Answer, wrong_fields
from incidents.desk.api.door import Call, Head, Limiter, NewRequest, admit, hash_of, parse_new
from incidents.desk.api.settings import ApiSettings, ApiToken, is_open_to_others, problems
from incidents.desk.api.views import state, taken
from incidents.desk.model import Closed, Named, Received, RequestEvent
from incidents.desk.requests import read_desk
from pipeline.configured import Duration
from pipeline.shape import Problem
from tests.incidents.desk.cases import WEDNESDAY, desk_office

OF_ALL = ApiToken(name="all", sha256=hash_of("secret of all"))
OF_C1 = ApiToken(name="shop", sha256=hash_of("secret of c1"), customers=("c1",))
SETTINGS = ApiSettings(token=(OF_ALL, OF_C1))
LANGS = {"c1": "ru", "c2": "en"}
GOOD: dict[str, Any] = {"customer": "c1", "kind": "technical", "text": "It does not play"}


def head(**more: Any) -> Head:
    values = {
        "method": "POST",
        "path": "/v1/requests",
        "authorization": "Bearer secret of all",
        "content_type": "application/json",
    }
    return Head(**(values | more))


def refused(answer: object) -> Answer:
    assert isinstance(answer, Answer)
    assert answer.media == "application/problem+json"
    assert answer.body["status"] == answer.status
    assert set(answer.body) >= {"type", "title", "status", "detail"}
    return answer


@pytest.mark.parametrize(
    ("given", "token", "number"),
    [
        ({}, OF_ALL, ""),
        ({"authorization": "bearer  secret of c1 "}, OF_C1, ""),
        ({"content_type": 'application/JSON; charset="UTF-8"'}, OF_ALL, ""),
        ({"path": "/v1/requests?trace=1"}, OF_ALL, ""),
        ({"method": "GET", "path": "/v1/requests/12", "content_type": None}, OF_ALL, "12"),
    ],
)
def test_who_is_let_in(given: dict[str, Any], token: ApiToken, number: str) -> None:
    assert admit(head(**given), SETTINGS) == Call(token=token, number=number)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"authorization": None}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer secret of nobody"}, 401),
        ({"authorization": "Basic secret of all"}, 401),
        ({"authorization": "Bearer " + OF_ALL.sha256}, 401),
        ({"authorization": "Bearer é\udcff"}, 401),
        ({"path": "/"}, 404),
        ({"path": "/v1/requests/"}, 404),
        ({"path": "/v2/requests"}, 404),
        ({"method": "GET", "path": "/v1/requests/../etc"}, 404),
        ({"method": "GET", "path": "/v1/requests/1'%20OR%201"}, 404),
        ({"method": "GET", "path": "/v1/requests/٣"}, 404),
        ({"method": "GET"}, 405),
        ({"method": "HEAD", "path": "/v1/requests/1"}, 405),
        ({"content_type": None}, 415),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/json; charset=koi8-r"}, 415),
        ({"content_encoding": "gzip"}, 415),
    ],
)
def test_who_is_not(given: dict[str, Any], status: int) -> None:
    answer = refused(admit(head(**given), SETTINGS))
    assert answer.status == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert ("Allow" in answer.headers) == (status == 405)


def test_no_answer_tells_who_has_a_token_or_what_it_is() -> None:
    said = json.dumps(refused(admit(head(authorization="Bearer x"), SETTINGS)).body)
    assert not any(word in said for word in ("shop", "secret", OF_ALL.sha256, OF_C1.sha256, "c1"))


def test_a_body_becomes_a_request() -> None:
    body = GOOD | {
        "text": " a\x00\x1bb ",
        "contact": "Boss@Client.example",
        "subject": "x\ny",
        "key": "k",
        "lang": None,
    }
    assert parse_new(json.dumps(body).encode(), OF_C1, LANGS) == NewRequest(
        customer="c1", kind="technical", text="ab", contact="boss@client.example", subject="x y", lang="ru", key="k"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"#/customer", "#/kind", "#/text"}),
        (GOOD | {"text": "x" * 10_001}, {"#/text"}),
        (GOOD | {"text": " \x00"}, {"#/text"}),
        (GOOD | {"text": 5}, {"#/text"}),
        (GOOD | {"customer": "c3"}, {"#/customer"}),
        (GOOD | {"kind": "Technical", "key": "a b", "lang": "de"}, {"#/kind", "#/key", "#/lang"}),
        (GOOD | {"contact": "a@b\r\nBcc: all@c"}, {"#/contact"}),
        (GOOD | {"contact": "+7 900"}, {"#/contact"}),
        (GOOD | {"subject": "x" * 301, "Key": "1"}, {"#/subject", "#/Key"}),
        (GOOD | {"a/b~": 1}, {"#/a~1b~0"}),
    ],
)
def test_every_fault_of_a_body_is_told_at_once(body: dict[str, Any], places: set[str]) -> None:
    answer = refused(parse_new(json.dumps(body).encode(), OF_ALL, LANGS))
    assert answer.status == 400
    assert {fault["pointer"] for fault in answer.body["errors"]} == places


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"1", b'"x"', b"\xff", b"[" * 60_000, b'{"text":"\\ud800"}', b"null"]
)
def test_what_is_no_object_is_said_to_be_none(raw: bytes) -> None:
    answer = refused(parse_new(raw, OF_ALL, LANGS))
    assert answer.status == 400
    assert "Expected a JSON object" in answer.body["detail"] or "errors" in answer.body


def test_a_token_of_one_customer_is_for_no_other() -> None:
    assert refused(parse_new(json.dumps(GOOD | {"customer": "c2"}).encode(), OF_C1, LANGS)).status == 403
    strange = refused(parse_new(json.dumps(GOOD | {"customer": "c9"}).encode(), OF_C1, LANGS))
    assert strange.status == 403, "it learns of no customer whether there is one"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(["customer", "kind", "text", "contact", "subject", "lang", "key", "x"])


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(_KEYS, _JSON | st.sampled_from(["c1", "billing"]), max_size=8)
    | _JSON
    | st.binary(max_size=40)
)
def test_no_body_makes_an_error_of_ours(body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
    found = parse_new(raw, OF_ALL, LANGS)
    if isinstance(found, NewRequest):
        assert found.customer in LANGS
        assert found.text.strip()
    else:
        json.loads(refused(found).content)


def test_a_burst_then_evenly() -> None:
    limiter = Limiter(60)
    assert [limiter.take("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert limiter.take("a", 0.0) == pytest.approx(1.0)
    assert limiter.take("b", 0.0) == 0.0, "each token has its own"
    assert limiter.take("a", 0.5) == pytest.approx(0.5)
    assert limiter.take("a", 1.0) == 0.0
    assert limiter.take("a", 1.0) > 0
    assert [limiter.take("a", 1e6) for _ in range(61)].count(0.0) == 60


def events(*more: RequestEvent) -> list[RequestEvent]:
    received = Received(
        at=WEDNESDAY, actor="one", key="api:one:k", request="1", kind="question", channel="api", customer="c1",
        lang="en", text="Why?",
    )  # fmt: skip
    return [received, *more]


ASKED = NewRequest(customer="c1", kind="question", text="Why?", contact="", subject="", lang="en", key="k")


def test_the_same_answer_whatever_has_happened_since() -> None:
    of = desk_office(name="CDN")
    then = read_desk(events()).requests["1"]
    first = taken(then, ASKED, of, new=True)
    assert first.status == 201
    assert first.headers == {"Location": "/v1/requests/1"}
    assert first.body["acknowledged"].endswith("Anna Head\nHead of support, CDN\n")
    assert "within 20 minutes" in first.body["acknowledged"]
    assert (first.body["manager"], first.body["manager_by"]) == (None, "2026-11-18T09:20:00Z")
    later = read_desk(
        events(
            Named(at=WEDNESDAY + 60, actor="desk", key="n", request="1", manager="olga"),
            Closed(at=WEDNESDAY + 120, actor="olga", key="c", request="1", text="so"),
        )
    ).requests["1"]
    again = taken(later, ASKED, of, new=False)
    assert (again.status, again.body) == (200, first.body)
    shown = state(later, of).body
    assert (shown["state"], shown["manager"], shown["outcome"]) == ("closed", "Olga", "so")


def test_a_manager_who_is_named_at_once_is_in_the_acknowledgement() -> None:
    named = Named(at=WEDNESDAY, actor="desk", key="n", request="1", manager="olga")
    answer = taken(read_desk(events(named)).requests["1"], ASKED, desk_office(), new=True)
    assert answer.body["manager"] == "Olga"
    assert "Olga is on it." in answer.body["acknowledged"]


@pytest.mark.parametrize(
    "other", [{"text": "Why not?"}, {"kind": "billing"}, {"contact": "a@b.example"}, {"customer": "c2"}]
)
def test_another_content_under_the_same_key_is_a_conflict(other: dict[str, Any]) -> None:
    asked = NewRequest(**({name: getattr(ASKED, name) for name in ASKED.__struct_fields__} | other))
    answer = refused(taken(read_desk(events()).requests["1"], asked, desk_office(), new=False))
    assert (answer.status, answer.body["id"]) == (409, "1")


def test_what_must_hold_between_keys() -> None:
    wrong = ApiSettings(
        listen="example.com:99999",
        patience=Duration.parse("1h"),
        token=(OF_C1, ApiToken(name="shop", sha256=OF_C1.sha256, customers=("c1", "c8"))),
    )
    assert [problem.key for problem in problems(wrong, {"c1"})] == [
        ("listen",),
        ("patience",),
        ("token", 1, "name"),
        ("token", 1, "sha256"),
        ("token", 1, "customers", 1),
    ]


@pytest.mark.parametrize(
    ("listen", "others"),
    [
        ("127.0.0.1:0", False),
        ("localhost:8443", False),
        ("[::1]:1", False),
        ("0.0.0.0:80", True),
        ("[::]:80", True),
    ],
)
def test_who_can_reach_an_address(listen: str, others: bool) -> None:
    settings = ApiSettings(listen=listen)
    assert not list(problems(settings, ()))
    assert is_open_to_others(settings) is others


def test_a_place_is_a_pointer_in_a_uri() -> None:
    answer = wrong_fields([Problem(("a b", 0, "ü"), "is wrong")])
    assert answer.body["errors"] == [{"pointer": "#/a%20b/0/%C3%BC", "detail": "is wrong"}]
