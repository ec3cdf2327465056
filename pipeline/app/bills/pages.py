"""Bills, adjustments and credit notes as `prebill bill` and `rebill show` give them: table, JSON, PDF, XLSX, CSV; from
the month and the bill log to a terminal or files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.app.failures import UsageFailure
from pipeline.app.period import parse_language
from pipeline.app.terminal import out, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.app.configuration.settings import Config
    from pipeline.coverage.proof import Proof
    from pipeline.rating.bill_books import Books
    from pipeline.rating.bill_entries import Entry
    from pipeline.rating.exports.paper import Paper
    from pipeline.rating.exports.target import Target
    from pipeline.rating.model import Bill

    class Write(Protocol):
        """Writes one document."""

        def __call__(
            self, bill: Bill, proof: Proof | None, lang: str, target: Target, paper: Paper = ...
        ) -> None: ...


@dataclass(frozen=True, slots=True)
class Page:
    """One document."""

    bill: Bill
    proof: Proof | None
    paper: Paper


def issued_page(books: Books, entry: Entry) -> Page:
    """A document as it was issued."""
    from pipeline.app.bills.issued import paper_of

    return Page(entry.bill, entry.proof, paper_of(books, entry))


def page_json(page: Page) -> dict[str, Any]:
    """The bill's document, and which one it is."""
    from pipeline.rating.exports.bill_json import to_json
    from pipeline.rating.exports.paper import paper_json

    return to_json(page.bill, page.proof) | paper_json(page.paper)


def writer_of(output: Path) -> Write:
    """What writes files of that ending. Raises UsageFailure."""
    from pipeline.rating.exports.bill_csv import write_csv
    from pipeline.rating.exports.bill_pdf import write_pdf
    from pipeline.rating.exports.bill_xlsx import write_xlsx

    writers: dict[str, Write] = {".pdf": write_pdf, ".xlsx": write_xlsx, ".csv": write_csv}
    if output.suffix.lower() not in writers:
        raise UsageFailure(f"--output {output}: expected a name that ends with {', '.join(writers)}")
    return writers[output.suffix.lower()]


def save_pages(pages: Sequence[Page], output: Path, lang: str, write: Write) -> None:
    """Each into a file of its own: the first into `output`, the next with -2, -3 … behind its name."""
    for place, page in enumerate(pages, 1):
        target = output if place == 1 else output.with_stem(f"{output.stem}-{place}")
        try:
            write(page.bill, page.proof, lang, target, page.paper)
        except OSError as error:
            raise UsageFailure(f"--output {target}: cannot be written: {error.strerror or error}") from None
        say(f"{target}: {called(page)}, {page.bill.total} {page.bill.currency}")


def show_pages(pages: Sequence[Page], lang: str) -> None:
    """On the terminal."""
    from pipeline.rating.exports.bill_text import write_text

    for place, page in enumerate(pages):
        if place:
            out().print()
        write_text(page.bill, page.proof, lang, out(), page.paper)


def called(page: Page) -> str:
    """What a message calls it: `bill 12`, `provisional bill`, `adjustment to bill 12`."""
    from pipeline.rating.exports.paper import title_words

    words = title_words(page.paper, "en")
    words = words[0].lower() + words[1:]
    return f"provisional {words}" if page.bill.provisional else words


def show_entry(
    config: Config, books: Books, entry: Entry, output: Path | None, lang: str | None, *, json: bool
) -> None:
    """A document as it was issued, in any format. Raises UsageFailure."""
    write = writer_of(output) if output else None
    customers = (each for each in config.customer if each.id == entry.customer)
    language = parse_language(lang, next((each.lang for each in customers), "en"))
    page = issued_page(books, entry)
    if json:
        print_json(page_json(page))
    if output and write:
        save_pages([page], output, language, write)
    elif not json:
        show_pages([page], language)
