"""What the writer of a letter says himself, without quotes, signature and his company's notice below: for kinds.py,
thanks.py and intake.py, out of the text of message.py. Pure; where it is not sure it leaves words in."""

from __future__ import annotations

import re

_QUOTE_HEAD = re.compile(
    r"^(On .{1,200} wrote:|.{1,200} (писал|написал)(\(а\)|а)?:|-{2,} ?(Original Message|Исходное сообщение).*)\s*$",
    re.IGNORECASE,
)
_ABOVE_QUOTE = re.compile(r"(<[^<>\s]+@[^<>\s]+>|\bwrote|писал\S*)\s*:\s*$", re.IGNORECASE)
_FROM = re.compile(r"^\s*\**(from|от|от кого):\**\s", re.IGNORECASE)
_BELOW_FROM = re.compile(r"^\s*\**(sent|date|to|subject|отправлено|дата|кому|тема):\**\s", re.IGNORECASE)
_FORWARDED = re.compile(r"^\s*(fwd?|пересл\w*|пересыл\w*)\s*:", re.IGNORECASE)

_FAREWELL = re.compile(
    r"^\s*(?:--\s*$|—\s*$|(?:с\s+уважением|с\s+наилучшими(?:\s+пожеланиями)?|(?:(?:best|kind|warm)\s+)?regards|sincerely"
    r"(?:\s+yours)?)(?:[\s,.!]+[^\s,.!]+){0,4}[\s,.!]*$)",
    re.IGNORECASE,
)
_SENT_FROM = re.compile(r"^\s*(?:отправлено\s+(?:с|из)|sent\s+from)\b", re.IGNORECASE)
_POSTSCRIPT = re.compile(r"^\s*(?:p\.?\s?s|з\.?\s?ы|постскриптум)\b", re.IGNORECASE)

_NOTICE = re.compile(
    r"\b(?:receiv\w*|sent|got|delivered|reached)(?:\s+(?:this|it|the|you|to|an?|e-?mail|message|communication|transmission"
    r"|letter)\b){0,6}\s+(?:in\s+error|by\s+(?:error|mistake))\b"
    r"|\b(?:получ|попал|отправл|доставл|адресован|направлен)\w*(?:\s+(?:это|данное|настоящее|его|к|вам|вами|было|электронное"
    r"|письмо|сообщение)\b){0,6}\s+по\s+ошибке\b"
    r"|\bпо\s+ошибке\s+(?:получ|попал|отправл|доставл|адресован|направлен)\w*"
    r"|\berror[- ]free\b",
    re.IGNORECASE,
)


def own_words(text: str, subject: str = "") -> str:
    """What the writer himself wrote, above what he quotes or below what is marked with `>`; what is forwarded
    (`subject`), and what has nothing above it, he says with it."""
    if _FORWARDED.match(subject):
        return text.strip()
    kept: list[str] = []
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if _QUOTE_HEAD.match(line[:400]) or _is_head(lines[place : place + 5]):
            below = next((each.lstrip() for each in lines[place + 1 :] if each.strip()), "")
            if not below.startswith(">") and any(each.strip() for each in kept):
                break
        elif line.lstrip().startswith(">"):
            _drop_head(kept)
        else:
            kept.append(line)
    return "\n".join(kept).strip()


def _drop_head(kept: list[str]) -> None:
    """Who wrote what is quoted below, as mail programs put it above, sometimes over two lines."""
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and _ABOVE_QUOTE.search(kept[-1][-400:]):
        last = kept.pop()
        if kept and kept[-1].startswith("On ") and not last.startswith("On "):
            kept.pop()


def _is_head(lines: list[str]) -> bool:
    """The head of the letter that is answered, as it stands above it where nothing is marked with `>`."""
    below = [line for line in lines[1:] if _BELOW_FROM.match(line[:400])]
    return bool(_FROM.match(lines[0][:400])) and len(below) > 1


def without_signature(words: str) -> str:
    """The words above a farewell, and what follows it as a postscript."""
    kept: list[str] = []
    over = False
    for line in words.split("\n"):
        if _FAREWELL.match(line[:200]) and any(each.strip() for each in kept):
            over = True
        over = over and not _POSTSCRIPT.match(line[:200])
        if not over and not _SENT_FROM.match(line[:200]):
            kept.append(line)
    return "\n".join(kept)


def without_notices(words: str) -> str:
    """Without what a company's notice says of letters that went astray."""
    return _NOTICE.sub(" ", words)
