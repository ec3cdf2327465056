"""Just enough of ClickHouse's lexical rules to see where a statement's data begins, which format it asks for, and which
functions it calls. Used by the HTTP door and the gate; everything else of SQL is the engine's business."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    rb"""(?P<space>[\s\x00]+)
    |(?P<comment>--[^\n]*|\#![^\n]*|\#\ [^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*')
    |(?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<name>"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9][A-Za-z0-9_.]*)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement: `kind` is string, heredoc, name, word, number or other; a name's `text` has no quotes."""

    kind: str
    text: str
    start: int
    end: int


def tokens(sql: bytes, limit: int | None = None) -> list[Token]:
    """The tokens of a statement, without spaces and comments; at most `limit` of them."""
    found: list[Token] = []
    at = 0
    while at < len(sql) and (limit is None or len(found) < limit):
        match = _TOKEN.match(sql, at)
        if match is None:  # pragma: no cover - `other` takes any byte
            break
        at = match.end()
        kind = match.lastgroup or "other"
        if kind == "tag":
            kind = "heredoc"
        if kind in ("space", "comment"):
            continue
        text = match.group().decode("utf-8", "replace")
        if kind == "name":
            # \x and `` are the only ways to write a name in another way than it is
            text = re.sub(r'\\(.)|(``|"")', lambda m: m[1] or m[2][0], text[1:-1])
        found.append(Token(kind, text, match.start(), match.end()))
    return found


@dataclass(frozen=True, slots=True)
class InsertHead:
    """`INSERT INTO … ` up to its FORMAT, the format's name, and where the data begins."""

    head: str
    format: str
    data_at: int


HEAD_TOKENS = 20_000


def insert_head(sql: bytes) -> InsertHead | None:
    """The head of an `INSERT … FORMAT name data`; None for any other statement (INSERT SELECT and VALUES too).

    Raises ValueError for INSERT … FROM INFILE, which would read the host's files.
    """
    depth = 0
    found = tokens(sql[: 1 << 20], HEAD_TOKENS)
    if not found or found[0].text.upper() != "INSERT":
        return None
    for place, token in enumerate(found):
        word = token.text.upper() if token.kind == "word" else ""
        if token.kind == "other":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif depth:
            continue
        elif word in ("SELECT", "WITH", "VALUES", "WATCH"):
            return None
        elif word == "INFILE":
            raise ValueError("INSERT FROM INFILE is not allowed over HTTP: send the data in the body")
        elif word == "FORMAT" and place + 1 < len(found) and found[place + 1].kind == "word":
            name = found[place + 1]
            if name.text.upper() == "VALUES":
                return None
            at = name.end
            while at < len(sql) and sql[at : at + 1] in (b" ", b"\t", b"\r"):
                at += 1
            if sql[at : at + 1] == b"\n":
                at += 1
            return InsertHead(sql[: token.start].decode("utf-8", "replace"), name.text, at)
    return None


_TRAILING_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)


def trailing_format(sql: bytes) -> tuple[bytes, str | None]:
    """The statement without its last FORMAT clause, and that format; None where it does not end in one."""
    found = _TRAILING_FORMAT.search(sql[-200:])
    if not found:
        return sql, None
    return sql[: len(sql) - (min(len(sql), 200) - found.start())], found.group(1).decode()


def called_names(sql: bytes) -> set[str]:
    """Lower-cased names that are followed by `(`: functions and table functions, whichever way they are quoted."""
    found = tokens(sql)
    return {
        token.text.lower()
        for token, after in pairwise(found)
        if token.kind in ("word", "name") and after.text == "("
    }


def names(sql: bytes) -> set[str]:
    """Lower-cased words and quoted names, wherever they stand."""
    return {token.text.lower() for token in tokens(sql) if token.kind in ("word", "name")}


def takes_identifiers(sql: bytes) -> bool:
    """Whether a parameter `{name:Identifier}` stands where a name would: its value is not in the statement."""
    return any(
        a.text == ":" and b.kind in ("word", "name") and b.text.lower() == "identifier"
        for a, b in pairwise(tokens(sql))
    )
