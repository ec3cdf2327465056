"""The ways in which a segment's content can fail, raised by codecs and turned into ledger states by whoever reads."""

from __future__ import annotations


class ContentError(Exception):
    """Content could not be read to a good end. `reason` is a sentence for people, without a path."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreadableError(ContentError):
    """Nothing can be read, or reading had to stop where nobody knows what would follow.

    `passing`: the cause lies outside the content (permission, an I/O error, too many open files): try again later.
    Otherwise the content itself is no log of any codec: quarantine it.
    """

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


class DamagedError(ContentError):
    """The content is broken after `at` unpacked bytes, all of which were handed out: commit them, marked damaged.

    `ended`: they came to an end of their own, so that the last line is whole though no line end follows.
    """

    def __init__(self, reason: str, at: int, *, ended: bool = False) -> None:
        super().__init__(reason)
        self.at = at
        self.ended = ended


class ChangedError(ContentError):
    """The file is not, or no longer, the version that was found: abandon the attempt and queue the segment again."""
