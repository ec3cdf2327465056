"""What a Russian reader gets of an incident: no English sentence in a notice, a draft, a post-mortem or a task."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from incidents.after.account import account_of
from incidents.after.postmortem import postmortem_text
from incidents.channels.model import Sending
from incidents.messages.compose import Composer
from incidents.model import Change
from incidents.people.recipients import Customer, Recipient, Why
from incidents.people.roles import Roles
from incidents.people.settings import People
from incidents.phrasebook import PHRASES
from incidents.phrases import in_language, source_text
from incidents.replay import replay
from incidents.story import ending, story
from incidents.tasks.build import tasks_of
from incidents.tasks.sheet import sheet_text
from tests.incidents.engine.drawn import run, thrown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incidents.model import Transition

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests/incidents/scenarios"
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.ndjson"))

LATIN = re.compile(r"[A-Za-z]{2,}")
_NEVER_WORDS = (
    re.compile(r"`[^`]*`"),
    re.compile(r"^Принять: .*$", re.MULTILINE),
    re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"),
    re.compile(r"-{5} (?:ru|en): "),
)
ABBREVIATIONS = {"UTC", "MTTA", "MTTR", "DNS", "TLS", "HTTP", "json"}


def english_in(text: str, names: Iterable[str]) -> list[str]:
    """The Latin words of a text that are no names, ids, instants, commands or abbreviations."""
    for pattern in _NEVER_WORDS:
        text = pattern.sub(" ", text)
    text = text.replace("\\", "")  # Markdown's
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ").replace(name[:1].upper() + name[1:], " ")  # a sentence may begin so
    return [word for word in LATIN.findall(text) if word not in ABBREVIATIONS]


def names_in(told: Any) -> Iterator[str]:
    """Every value in an event that is somebody's own word or name."""
    if isinstance(told, dict):
        for key, value in told.items():
            if key not in ("type", "class", "kind", "action", "act"):
                yield from names_in(value)
    elif isinstance(told, list):
        for each in told:
            yield from names_in(each)
    elif isinstance(told, str) and told:
        yield told


def scenario(name: str) -> tuple[list[Transition], set[str]]:
    """What an engine makes of a scenario, and the names in it."""
    text = (FOLDER / f"{name}.ndjson").read_text()
    made = list(replay(text))
    names = {word for line in text.splitlines() if line.strip() for word in names_in(json.loads(line))}
    ids = {each.incident for each in made} | {each.notice for each in made if each.notice}
    return made, names | ids


@pytest.mark.parametrize("name", SCENARIOS)
def test_reasons_and_evidence_of_every_scenario_are_told_in_russian(name: str) -> None:
    made, names = scenario(name)
    for each in made:
        for text in (each.reason, *(fact.text for fact in each.evidence)):
            assert english_in(in_language(text, "ru"), names) == [], text
            assert in_language(text, "en") == text
        assert not any(LATIN.search(source_text(fact.source, "ru")) for fact in each.evidence)


@pytest.mark.parametrize("name", SCENARIOS)
def test_notices_drafts_and_post_mortems_of_every_scenario_are_russian(name: str) -> None:
    made, names = scenario(name)
    composer = Composer(People(), 1200.0)
    client = Customer(id="c1", name="Кинотеатр", lang="ru")
    for each in made:
        composer.learn(each)
        if each.change is not Change.NOTICE:
            continue
        for why in Why:
            recipient = Recipient(
                id="anna", why=why, channels=("w",), lang="ru", tz="UTC",
                customers=(client,) if why in (Why.CLIENT, Why.LIAISON) else (),
            )  # fmt: skip
            message = composer.message(
                "k",
                [Sending(notice=each, recipient=recipient, channel="w")],
                {each.incident: Roles()},
                each.at,
            )
            assert english_in(f"{message.subject}\n{message.text}", {*names, "anna"}) == []
    end = max((each.at for each in made), default=0.0) + 60
    for incident in {each.incident for each in made}:
        account = account_of(incident, made, now=end)
        assert account is not None
        assert english_in(postmortem_text(account, "ru"), names) == []
    for task in tasks_of(made, [], [], [], now=end):
        assert english_in(sheet_text(task, None, "ru", end), names) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_stories_of_every_scenario_are_russian(name: str) -> None:
    made, names = scenario(name)
    told = [f"{line.who} {line.text} {' '.join(line.below)}" for line in story(made, "ru")]
    assert english_in("\n".join([*told, *ending(made, "ru")]), names) == []


@pytest.mark.parametrize("seed", range(40))
def test_what_chance_makes_is_told_in_russian_too(seed: int) -> None:
    for each in run(thrown(seed)):
        for text in (each.reason, *(fact.text for fact in each.evidence)):
            found = english_in(
                in_language(text, "ru"), ("detector", "line", each.incident, each.parent or "-")
            )
            assert [word for word in found if not re.fullmatch("[ce][12]|inc", word)] == [], text


def written_in(path: Path) -> Iterator[str]:
    """The pieces of sentences in a module: texts of several words that are no docstrings and raise nothing."""
    tree = ast.parse(path.read_text())
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "cast"):
            passed |= {id(each) for each in ast.walk(node)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in passed else None
        if isinstance(text, str) and " " in text.strip():
            yield text


SENDING = [ROOT / f"incidents/channels/{name}.py" for name in ("dispatch", "file", "http", "mute", "sender")]


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "incidents/engine").glob("*.py")), *SENDING], ids=lambda path: path.stem
)
def test_every_piece_of_a_sentence_of_engine_and_sending_is_in_the_phrasebook(path: Path) -> None:
    book = "\n".join(english for english, _ in PHRASES).replace("{loss}: ", "")
    missing = [
        piece
        for piece in written_in(path)
        for part in piece.strip(" :;,()").split("; ")
        if part.strip(" :;,()") not in book
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("english", "russian"),
    [
        (
            "not resolved: it is back (flap 1): probes of c1 fail; its traffic has fallen to zero",
            "не решено: вернулось (повтор 1): пробы клиента c1 не проходят; его трафик упал до нуля",
        ),
        (
            "msk-1: customer c1 fails web: status 503, expected 200; mail: connection refused",
            "msk-1: клиент c1, не проходит: web: код 503, ожидался 200; mail: в соединении отказано",
        ),
        (
            "c1 (technical): the player says: a probe of c1 fails",
            "c1 (техническое): the player says: a probe of c1 fails",
        ),
        (
            "logs of edge e1 are lost; the watch was away from 2026-11-01T08:00:00Z to 2026-11-01T08:05:00Z: probe the "
            "clients at once, silence is raised at 2026-11-01T08:07:00Z",
            "журналы узла e1 теряются; надзора не было с 2026-11-01T08:00:00Z до 2026-11-01T08:05:00Z: проверьте "
            "клиентов немедленно, молчание станет тревогой в 2026-11-01T08:07:00Z",
        ),
        (
            "logs of edge e1 are lost; the watch was away from 2026-11-01T08:00:00Z: probe the clients at once",
            "журналы узла e1 теряются; надзора не было с 2026-11-01T08:00:00Z: проверьте клиентов немедленно",
        ),
        (
            "c1 (billing): heading for 1,000,000.00 RUB this month, usually 3,000.00; under the best plan 250,000.00. "
            "Tell the client before he finds out himself: prebill spikes --letters",
            "c1 (о счёте): идёт к 1~000~000,00~₽ за этот месяц, обычно 3~000,00; по лучшему тарифу 250~000,00. "
            "Сообщите клиенту прежде, чем он заметит сам: prebill spikes --letters",
        ),
        (
            "not verified within 1 minute, so the worst is assumed: a probe of c1 fails",
            "не проверено за 1 минуту, поэтому считаем худшее: одна из проб клиента c1 не проходит",
        ),
        (
            "not verified within 1 minutes, so the worst is assumed: a probe of c1 fails",  # in logs of before
            "не проверено за 1 минуту, поэтому считаем худшее: одна из проб клиента c1 не проходит",
        ),
        (
            "22 minutes of fresh evidence that all is well, since 2026-11-01T08:00:00Z",
            "уже 22 минуты свежие данные показывают, что всё в порядке, с 2026-11-01T08:00:00Z",
        ),
        (
            "errors at edge e1 burn 14.4 times what the objective allows, over 1 h",
            "ошибок на узле e1 в 14,4 раза больше, чем допускает цель, за 1 ч",
        ),
        ("1 request a minute, 1,200 are usual", "1 запрос в минуту, обычно 1~200"),
        ("still lost: 1 minute of 6", "ещё не вернули 1 минуту из 6"),
        ("5 minutes are lost, 11 were before", "потеряли 5 минут, раньше было 11"),
        ("and 2 spans more", "и ещё 2 промежутка"),
        ("edge e1: 1 request of c1, 1 failed, 0 at the origin",
         "узел e1: 1 запрос клиента c1, с ошибкой 1, из них у источника 0"),
        ("edge e1: 2026-11-01T08:00:00Z damaged", "узел e1: сегмент 2026-11-01T08:00:00Z пришёл повреждённым"),
        ("edge e1: resume", "узел e1 снова в работе"),
        ("request 7 is solved: the edge was restarted", "обращение 7 решено: the edge was restarted"),
        ("nobody to tell: on_call, level 1", "сообщить некому: дежурный, уровень 1"),
        ("it was over before it could be told", "закончилось прежде, чем удалось сообщить"),
        ("status 503: try again", "код 503: try again"),
        ("lost for good: disk died", "потеряно навсегда: disk died"),
        ("note: probes of c1 fail", "заметка: probes of c1 fail"),
        ("we called the carrier; he repairs it", "we called the carrier; he repairs it"),
        (
            "missing: 2026-11-01T08:00:00Z to 2026-11-01T08:05:00Z",
            "не пришло: с 2026-11-01T08:00:00Z до 2026-11-01T08:05:00Z",
        ),
        ("a probe of Рога; копыта fails", "a probe of Рога; копыта fails"),
        ("{0} {name} fails: states are unknown", "не работает {0} {name}: что происходит, неизвестно"),
        ("", ""),
    ],
)  # fmt: skip
def test_sentences_within_sentences_and_words_that_stay(english: str, russian: str) -> None:
    assert in_language(english, "ru") == russian.replace("~", "\u00a0")


def test_no_text_takes_long() -> None:
    from time import process_time

    started = process_time()
    for text in ("a: " * 400, "a; " * 400, "probes of " * 120, "note at it is back (flap 1): " * 40):
        assert isinstance(in_language(text, "ru"), str)
    assert process_time() - started < 2.0
