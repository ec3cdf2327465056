"""Templates into text, and text into HTML: what comes from outside is escaped there, and nowhere trusted."""

from __future__ import annotations

import functools
from typing import Any

from incidents.words import counted


@functools.cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("incidents.messages"),
        autoescape=select_autoescape(("html.j2",), default=False),
        undefined=StrictUndefined,
        keep_trailing_newline=False,
    )
    environment.filters["counted"] = counted
    return environment


def render(template: str, **values: object) -> str:
    """A template of this room, filled in."""
    return str(_environment().get_template(template).render(**values)).strip() + "\n"


def page(subject: str, text: str, lang: str, *, urgent: bool) -> str:
    """The text as HTML that mail programs show: its paragraphs, escaped."""
    paragraphs = [part.split("\n") for part in text.strip().split("\n\n")]
    return render("page.html.j2", subject=subject, paragraphs=paragraphs, lang=lang, urgent=urgent)
