"""What `prebill doctor` says of support requests by HTTP: whether anybody may hand one in, who could listen on the
way, and whether the address can be had; nothing is handed in."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

from incidents.desk.api.settings import address_of, is_open_to_others
from pipeline.app.terminal import plural

if TYPE_CHECKING:
    from incidents.desk.api.settings import ApiSettings

OK, NOTE, FAIL = "ok", "note", "fail"
PATIENCE_S = 3.0


def api_found(settings: ApiSettings) -> tuple[str, str, str]:
    """How it is (ok, note, fail), what was found, and how to mend it."""
    host, port = address_of(settings.listen)
    taken = _taken(host, port)
    of_all = sum(not token.customers for token in settings.token)
    found = f"{settings.listen}: {plural(len(settings.token), 'token')}, {of_all} of them for every customer; {taken}"
    if taken not in (OURS, FREE):
        mend = "End what has it, or name another port in support.api.listen."
        return FAIL, found, mend
    if not settings.token:
        return NOTE, found, "Nobody can hand a request in: `prebill support token NAME` makes a token."
    if is_open_to_others(settings):
        return (
            NOTE,
            f"{found}; other machines reach it, and tokens come in the clear",
            "Listen on 127.0.0.1, and let a reverse proxy do TLS; docs/support.md shows one.",
        )
    return OK, found, ""


OURS, FREE = "prebill answers there", "not open now: `prebill watch` and `prebill up` open it"


def _taken(host: str, port: int) -> str:
    """Who has the address."""
    if port == 0:
        return FREE
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            trial.bind((host, port))
            trial.listen(1)
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return FREE
    wire = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        wire.request("GET", "/")
        if (wire.getresponse().getheader("Server") or "").startswith("prebill"):
            return OURS
    except (OSError, http.client.HTTPException):
        pass
    finally:
        wire.close()
    return f"it cannot be had: {why.lower()}"
