"""Whom an incident may hit, where nobody knows: who was served by that edge, else everyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Scope
from pipeline.app.watch.roster import roster_of
from pipeline.store import open_store
from tests.app.watch_cdn import FIRST, make_config, put_minutes
from tests.incidents.channels.givens import everyone

if TYPE_CHECKING:
    from pathlib import Path

OTHER = """
[[customer]]
id = "c3"
name = "Cinema"
lang = "ru"
resources = ["c.example.ru"]
"""


def test_an_edge_names_those_whom_it_served_within_the_hour(tmp_path: Path) -> None:
    config = make_config(tmp_path, OTHER)
    with open_store(config.store.dsn) as store:
        put_minutes(store, FIRST, FIRST + 5)
        roster = roster_of(store, config)

        def names(scope: Scope, minute: int) -> set[str]:
            return {each.id for each in roster(everyone(scope=scope, at=minute * 60.0))}

        assert names(Scope("edge", "e1"), FIRST + 6) == {"c1", "c2"}
        assert names(Scope("edge", "e1"), FIRST + 90) == {"c1", "c2", "c3"}, "nobody within the hour: all"
        assert names(Scope("edge", "e9"), FIRST + 6) == {"c1", "c2", "c3"}
        assert names(Scope("all"), FIRST + 6) == {"c1", "c2", "c3"}
        cinema = roster(everyone(scope=Scope("all"), at=FIRST * 60.0))[-1]
        assert (cinema.name, cinema.lang) == ("Cinema", "ru")
