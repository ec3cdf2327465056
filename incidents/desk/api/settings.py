"""What configures requests by HTTP: `[support.api]` of prebill.toml, its tokens, and what must hold between them."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from pipeline.configured import Duration, Name
from pipeline.shape import ONE_OR_MANY, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TOKEN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"  # noqa: S105 - the shape of a name
LEAST_PATIENCE, MOST_PATIENCE = timedelta(seconds=1), timedelta(minutes=5)
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):(\d{1,5})")


class ApiToken(Struct, frozen=True, kw_only=True):
    """Who may hand requests in: the SHA-256 of a token that is written nowhere. `customers`: only theirs; none: of
    every customer."""

    name: Annotated[
        str, Meta(pattern=TOKEN_NAME, description="1 to 64 letters, digits, dots, dashes and underscores")
    ]
    sha256: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits, as `prebill support token` prints"
        ),
    ]
    customers: tuple[Name, ...] = ()


class ApiSettings(Struct, frozen=True, kw_only=True):
    """Where requests are taken, and within which bounds. `at_once`: connections; `per_minute`: calls of one token;
    `patience`: for the head of a call, and again for its body."""

    listen: str = "127.0.0.1:8443"
    at_once: Annotated[int, Meta(ge=1, le=1_000, description="a whole number, 1 to 1000")] = 32
    per_minute: Annotated[int, Meta(ge=1, le=100_000, description="a whole number, 1 to 100000")] = 60
    patience: Duration = Duration(timedelta(seconds=10))
    token: Annotated[tuple[ApiToken, ...], Meta(extra=ONE_OR_MANY)] = ()


def address_of(listen: str) -> tuple[str, int]:
    """Host and port. Raises ValueError, which says what was expected."""
    found = _LISTEN.fullmatch(listen)
    try:
        if found is None or int(found[2]) > 65_535:
            raise ValueError(listen)
        host = "127.0.0.1" if found[1] == "localhost" else found[1].strip("[]")
        return str(ipaddress.ip_address(host)), int(found[2])
    except ValueError:
        raise ValueError(
            f'expected an address of this machine and a port, like "127.0.0.1:8443", found "{listen}"'
        ) from None


def is_open_to_others(settings: ApiSettings) -> bool:
    """Whether other machines can reach it: what they send is in the clear."""
    return not ipaddress.ip_address(address_of(settings.listen)[0]).is_loopback


def problems(settings: ApiSettings, customers: Collection[str]) -> Iterator[Problem]:
    """What must hold between keys; `customers`: the ids that the configuration knows."""
    try:
        address_of(settings.listen)
    except ValueError as error:
        yield Problem(("listen",), str(error))
    if not LEAST_PATIENCE <= settings.patience.span <= MOST_PATIENCE:
        yield Problem(("patience",), "must be from a second to five minutes")
    names: dict[str, int] = {}
    hashes: dict[str, int] = {}
    for place, token in enumerate(settings.token):
        for key, value, first in (("name", token.name, names), ("sha256", token.sha256, hashes)):
            if (other := first.setdefault(value, place)) != place:
                yield Problem(("token", place, key), f"is already that of token[{other}]")
        for number, customer in enumerate(token.customers):
            if customer not in customers:
                yield Problem(("token", place, "customers", number), f'there is no customer "{customer}"')
