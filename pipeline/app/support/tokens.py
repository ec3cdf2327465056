"""`prebill support token`: a new token for a client's program, shown once, and the lines of the configuration that let
it in; the token itself is kept nowhere."""

from __future__ import annotations

import json as json_
import re
import secrets
from typing import TYPE_CHECKING

from incidents.desk.api.door import hash_of
from incidents.desk.api.settings import TOKEN_NAME, ApiSettings
from pipeline.app.failures import UsageFailure
from pipeline.app.terminal import print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.app.configuration.settings import Config

TOKEN_BYTES = 32


def make_token(name: str, customers: Sequence[str], config: Config, *, json: bool) -> int:
    """Prints it. Raises UsageFailure for a name, or customers, that the configuration would not take."""
    known = {customer.id for customer in config.customer}
    problems = [
        f"--customer: there is no customer {each!r} in the configuration"
        for each in customers
        if each not in known
    ]
    if not re.fullmatch(TOKEN_NAME, name):
        problems.insert(
            0,
            "support token: expected a name of 1 to 64 letters, digits, dots, dashes and underscores, "
            f"found {name!r}",
        )
    if problems:
        raise UsageFailure(problems)
    api = config.support.api
    token = secrets.token_urlsafe(TOKEN_BYTES)
    lines = [] if api else ["[support.api]", f'listen = "{ApiSettings().listen}"', ""]
    lines += ["[[support.api.token]]", f'name = "{name}"', f'sha256 = "{hash_of(token)}"']
    if customers:
        lines.append(f"customers = {json_.dumps(list(dict.fromkeys(customers)), ensure_ascii=False)}")
    if json:
        print_json(
            {"name": name, "token": token, "sha256": hash_of(token), "config": "\n".join(lines) + "\n"}
        )
        return 0
    again = api is not None and any(each.name == name for each in api.token)
    say(f"The token of {name}, shown this once and kept nowhere. Hand it over as you would a password:")
    print(token)
    say(
        f"\nThese lines take the place of {name}'s in prebill.toml; it is read when `prebill watch` or `up` starts:"
        if again
        else "\nThese lines go to the end of prebill.toml; it is read when `prebill watch` or `up` starts:"
    )
    print("\n".join(lines))
    return 0
