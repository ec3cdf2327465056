"""What the doctor says of the ways to people: pages that reach nobody, mail servers that do not answer, a seed that
anybody has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from incidents.channels.settings import ChannelSettings, Notifying
from incidents.desk.settings import ImapSettings, SmtpSettings, SupportSettings
from incidents.people.settings import PersonSettings
from incidents.probes.settings import ProbeSettings, ProbingSettings
from pipeline.app.configuration.settings import Config, SpoolSettings, StoreSettings
from pipeline.app.doctor.channels import channels_found
from pipeline.app.doctor.desk import mail_found
from pipeline.app.doctor.probes import probes_found
from pipeline.configured import Duration
from tests.incidents.desk.servers import PASSWORD, USER, free_port, smtp

from .conftest import Prebill

NOW = 1_795_500_000.0
VARIABLE = "DESK_PASSWORD"
QUICK = Duration(timedelta(seconds=2))


@pytest.mark.parametrize(
    ("hears", "told"),
    [
        (("queue",), "no page can reach anybody"),
        ((), "no page can reach anybody"),
        (("on_call",), "what concerns the whole company reaches nobody"),
        (("company",), ""),
        (("on_call", "company"), ""),
    ],
)
def test_pages_that_reach_nobody_are_told(tmp_path: Path, hears: tuple[str, ...], told: str) -> None:
    channel = msgspec.convert(
        {"id": "log", "kind": "file", "url": str(tmp_path / "log"), "hears": hears}, ChannelSettings
    )
    state, found, _ = channels_found(Notifying(channel=(channel,)), NOW)
    assert (state, told in found) == ("note" if told else "ok", True)
    with_person = Notifying(channel=(channel,), person=(PersonSettings(id="anna", channels=("log",)),))
    assert "nobody" not in channels_found(with_person, NOW)[1]


def test_the_desks_mail_is_tried_and_no_letter_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mail_found(SupportSettings())[0] == "ok"
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    letter = tmp_path / "box" / "new" / "1"
    letter.write_text("Subject: x\n\nx\n")
    state, found, _ = mail_found(SupportSettings(maildir=str(tmp_path / "box")))
    assert (state, "nothing can be sent" in found, letter.exists()) == ("note", True, True)

    shut = free_port()
    missing = SupportSettings(
        maildir=str(tmp_path / "none"),
        imap=ImapSettings(host="127.0.0.1", port=shut, user="desk", security="none", timeout=QUICK),
        smtp=SmtpSettings(host="127.0.0.1", port=shut, security="none", timeout=QUICK),
    )
    state, found, _ = mail_found(missing)
    assert state == "fail"
    assert all(name in found for name in (f"maildir {tmp_path}/none", "IMAP 127.0.0.1", "SMTP 127.0.0.1")), (
        found
    )

    monkeypatch.setenv(VARIABLE, "wrong")
    with smtp(tmp_path) as (port, ca, box):
        server = SmtpSettings(
            host="localhost",
            port=port,
            user=USER,
            password_env=VARIABLE,
            ca_file=str(ca),
        )
        desk = SupportSettings(maildir=str(tmp_path / "box"), smtp=server)
        state, found, _ = mail_found(desk)
        assert (state, "wrong" in found) == ("fail", False), found
        monkeypatch.setenv(VARIABLE, PASSWORD)
        state, found, _ = mail_found(desk)
        assert state == "ok", found
        assert box.letters == []


def test_test_calls_without_a_seed_are_told() -> None:
    probe = msgspec.convert(
        {"name": "line", "kind": "sip", "target": {"kind": "support_line"}, "address": "127.0.0.1", "calls_per_day": 2},
        ProbeSettings,
    )  # fmt: skip
    config = Config(store=StoreSettings(dsn="chdb:///x"), spool=SpoolSettings(path="x"), probe=(probe,))
    good, found, _ = probes_found(config)
    assert (good, "probing.seed is empty" in found) == (False, True)
    assert probes_found(msgspec.structs.replace(config, probing=ProbingSettings(seed="x")))[0]


def test_each_error_of_the_configuration_is_a_line_of_its_own(prebill: Prebill, tmp_path: Path) -> None:
    (tmp_path / "prebill.toml").write_text(
        '[store]\ndsn = "chdb:///nowhere/at/all"\n[spool]\npath = 5\nx = 1\n'
    )
    shown = prebill("doctor", cwd=tmp_path).stdout.splitlines()
    assert shown[0].startswith("FAIL configuration prebill.toml:4: spool.path: ")
    assert shown[1].startswith(" " * 19 + "prebill.toml:5: spool.x: ")
