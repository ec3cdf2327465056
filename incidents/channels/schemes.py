"""Which services apprise knows by the scheme of a URL: what a configuration's check asks, without a look at the rest,
which may be secret."""

from __future__ import annotations

import re

COMMON = frozenset(
    {
        "discord", "gchat", "gotify", "gotifys", "jira", "json", "jsons", "mailgun", "mailto", "mailtos", "matrix",
        "matrixs", "mmost", "mmosts", "ntfy", "ntfys", "opsgenie", "pagerduty", "pover", "rocket",
        "rockets", "signal", "slack", "smsc", "tgram", "twilio", "victorops", "webex", "workflows", "xml", "xmls",
    }
)  # fmt: skip
"""Known without asking: apprise with all of its services takes 0.3 s to import, which no command should."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}")


def unknown_scheme(url: str) -> str | None:
    """The scheme of a URL that apprise has no service for, as it may be shown; None where it has one."""
    scheme = url.partition("://")[0]
    if not _SCHEME.fullmatch(scheme):
        return "a text that is none, and not shown"
    if scheme.lower() in COMMON:
        return None
    from apprise import NotificationManager

    return None if scheme.lower() in NotificationManager() else f'"{scheme}://"'
