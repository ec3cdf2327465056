"""`prebill support answer`: who writes is told what becomes of the letter, before anything is recorded."""

from __future__ import annotations

import pytest

from pipeline.app.failures import UsageFailure
from pipeline.app.support import acts as support_acts
from tests.incidents.desk.cases import OFFICE, WEDNESDAY, turn
from tests.incidents.desk.test_bounces import acknowledged, report


def test_who_answers_to_an_address_whose_letters_come_back_is_told() -> None:
    log, ours = acknowledged()
    turn(log, report(ours))
    given = support_acts.Given(what="1", text="We look into it", actor="olga")
    with pytest.raises(UsageFailure, match=r"letters to boss@client\.example come back, since 2026"):
        support_acts.answer(log, OFFICE, given, WEDNESDAY + 60)  # type: ignore[arg-type]
    assert log.read().requests["1"].letters == ()
    sent = support_acts.Given(what="1", text="We look into it", actor="olga", sent=True)
    support_acts.answer(log, OFFICE, sent, WEDNESDAY + 60)  # type: ignore[arg-type]
    assert len(log.read().requests["1"].letters) == 1
