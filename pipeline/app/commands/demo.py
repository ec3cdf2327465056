"""`prebill demo`: an hour of logs of a small CDN, some of it lost, run through the real pipeline, and shown."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipeline.app.context import Context
from pipeline.app.demo.faults import STORY, Losses, plant, write_counters
from pipeline.app.demo.incidents import CONTRACT, Stories, write_plan
from pipeline.app.demo.screen import show_coverage, show_what_came
from pipeline.app.demo.spike import show_spike
from pipeline.app.failures import FOUND_SOMETHING, UsageFailure
from pipeline.app.parameters import Given
from pipeline.app.terminal import err, human_bytes, out, percent, plural, say
from pipeline.instants import instant_text

if TYPE_CHECKING:
    from datetime import datetime

    from loadtest.cdn import Delivery
    from pipeline.app.configuration.settings import Config
    from pipeline.store.store import Store

MARK = ".prebill-demo"
"""What a demo's folder is known by: only such a folder is written anew."""

BROKEN_SHOWN = 5
FIRST_LOOK, SECOND_LOOK = timedelta(minutes=10), timedelta(minutes=40)
"""When coverage is looked at, after the end of the hour."""

HOUR = timedelta(hours=1)


def demo(
    *,
    folder: Path = Path("demo"),
    lines: Annotated[int, Parameter(show=False)] = 1_000,
    context: Given,
) -> int:
    """See the whole thing at work in one command, on this machine alone.

    Writes an hour of logs of a small CDN, loses some minutes of it on
    purpose, runs the real pipeline on the rest into an embedded store,
    and shows what each customer used, which minutes are missing, how
    much was lost. The lost minutes become tasks that wake nobody, because
    the clients are served; then one client is not, and everybody is woken.
    Some of the data comes late. Ends with a client's bill of a million
    after one good day, and the plan that makes it thirty thousand. Leaves
    the folder to play with.

    Parameters
    ----------
    folder
        Where to write it.
    """
    folder = folder.absolute()
    _prepare(folder)
    losses, end = _write_logs(folder, lines)
    inner = replace(context, config_path=str(folder / "prebill.toml"), store_dsn=None)
    return _run(losses, end, folder, inner)


def _prepare(folder: Path) -> None:
    """An empty folder; a former demo's is cleared, anything else is left alone."""
    if folder.exists() and not folder.is_dir():
        raise UsageFailure(f"--folder {folder}: is a file")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UsageFailure(
                f"--folder {folder}: is not empty, and not a demo's", mend="Name another one with --folder."
            )
        from pipeline.store.owner import read_address

        if read_address(folder / "store") is not None:
            raise UsageFailure(
                f"--folder {folder}: a process still has its store open", mend="End it, or use --folder."
            )
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text("made by `prebill demo`, which may delete this folder\n")
    except OSError as error:
        raise UsageFailure(f"--folder {folder}: cannot be written: {error.strerror}") from None


def _write_logs(folder: Path, lines: int) -> tuple[Losses, datetime]:
    """What its edges deliver at first, with their counters; and when the hour is over."""
    from datetime import UTC, datetime

    from loadtest.cdn import Shape, make_cdn
    from loadtest.spool import make_config

    shape = Shape(
        edges=5, minutes=60, lines=lines, resources=120, customers=12, codecs=("", "gz", "zst"),
        malformed=1, repeated=2, flagged=1, late=30, empty=5,
    )  # fmt: skip
    end = datetime.fromtimestamp(shape.start_s + shape.minutes * 60, UTC)
    with err().status("writing an hour of logs of a small CDN …"):
        losses = plant(make_cdn(shape))
        _deliver(folder, losses.now)
        write_counters(folder / "spool", losses.counters)
        text = make_config(shape, "spool", f"chdb://{folder}/store")
        text = re.sub(r'^(name = "Customer .*)$', rf"\1\n{CONTRACT}", text, flags=re.MULTILINE)
        write_plan(folder)
        text = re.sub(
            r"^(from = .*)$", rf"\1\nto = {instant_text(end)}\ncounters = true", text, flags=re.MULTILINE
        )
        (folder / "prebill.toml").write_text('[coverage]\nkeeps = "7d"\n\n' + text, encoding="utf-8")
    size = sum(len(delivery.content) for delivery in losses.now)
    say(
        f"{plural(shape.edges, 'edge')} wrote {plural(len(losses.now), 'segment')}, {human_bytes(size)} of lines."
    )
    say("Lost on purpose:")
    for line in STORY:
        say(f"  - {line}")
    return losses, end


def _deliver(folder: Path, deliveries: tuple[Delivery, ...]) -> None:
    from loadtest.spool import deliver

    for delivery in deliveries:
        deliver(folder / "spool", delivery)


def _run(losses: Losses, end: datetime, folder: Path, context: Context) -> int:
    from pipeline.app.commands.run import bring_in, spool_format, stop_on_signals
    from pipeline.app.coverage.checking import check_and_record
    from pipeline.app.stores import any_store

    config, now_s = context.config, context.now().timestamp()
    with any_store(context) as store, stop_on_signals() as stop:
        say("running the pipeline …")
        if bring_in(config, store, spool_format(config, now_s), context, stop, once=True).postponed:
            return FOUND_SOMETHING
        out().print()
        _show_usage(store, config)
        _show_broken(store)
        checked = check_and_record(store, config, end + FIRST_LOOK)
        show_coverage(store, checked, config, end, f"{end + FIRST_LOOK:%H:%M}, ten minutes after the hour")
        stories = Stories(store, config, end)
        told = stories.lose_minutes() and stories.lose_a_client()
        out().print()
        say("some of what was missing comes late; running the pipeline once more …")
        _deliver(folder, losses.late)
        if bring_in(config, store, spool_format(config, now_s), context, stop, once=True).postponed:
            return FOUND_SOMETHING
        later = check_and_record(store, config, end + SECOND_LOOK)
        show_what_came(store, later, config)
        told = stories.late_data_comes(SECOND_LOOK.total_seconds() / 60) and told
        agrees = _agrees(store, losses.truth)
    told = show_spike(folder) and told
    _show_next(folder, end + SECOND_LOOK, *stories.ids)
    return 0 if agrees and told else FOUND_SOMETHING


@dataclass
class _Used:
    """What a customer used."""

    resources: int = 0
    requests: int = 0
    bytes_sent: int = 0
    hits: int = 0
    errors_5xx: int = 0

    def add(self, row: dict[str, Any]) -> None:
        self.resources += 1
        for name in ("requests", "bytes_sent", "hits", "errors_5xx"):
            setattr(self, name, getattr(self, name) + row[name])


def _show_usage(store: Store, config: Config) -> None:
    from rich.table import Table

    from pipeline.app.configuration.customers import Owners

    owners = Owners(config.customer)
    used: dict[str, _Used] = {}
    for row in store.usage(store.cut(), by=("resource",)).to_pylist():
        used.setdefault(owners.owner(row["resource"]) or "nobody's", _Used()).add(row)
    names = {customer.id: customer.name for customer in config.customer}
    total = sum(each.bytes_sent for each in used.values())
    table = Table(title="Usage per customer", title_justify="left", title_style="bold", box=None, pad_edge=False,
                  header_style="bold", row_styles=("", "dim"), padding=(0, 2, 0, 0))  # fmt: skip
    table.add_column("Customer")
    for head in ("Resources", "Requests", "Bytes sent", "Share", "Hits", "5xx"):
        table.add_column(head, justify="right")
    for customer, each in sorted(used.items(), key=lambda pair: -pair[1].bytes_sent):
        table.add_row(
            names.get(customer) or customer, f"{each.resources}", f"{each.requests:,}", human_bytes(each.bytes_sent),
            percent(each.bytes_sent, total), percent(each.hits, each.requests), percent(each.errors_5xx, each.requests),
        )  # fmt: skip
    out().print(table)


def _show_broken(store: Store) -> None:
    """The segments that came damaged, and the first lines that could not be read."""
    damaged = store.query(
        "SELECT edge, formatDateTime(minute, '%H:%i') AS at, reason FROM ledger WHERE state = 'damaged'"
        " ORDER BY minute, edge"
    ).to_pylist()
    lines = store.query(
        "SELECT path, place, why FROM ledger ARRAY JOIN malformed_offset AS place, malformed_reason AS why"
        " ORDER BY path, place LIMIT {shown:UInt32}",
        {"shown": BROKEN_SHOWN},
    ).to_pylist()
    total = store.query("SELECT sum(malformed) AS malformed FROM segments").to_pylist()[0]["malformed"]
    out().print()
    out().print(f"[bold]What came broken[/bold]: {plural(len(damaged), 'segment')}, {plural(total, 'line')}")
    for row in damaged[:BROKEN_SHOWN]:
        out().print(
            f"  {row['edge']} {row['at']} damaged, its readable part is counted: {row['reason']}",
            markup=False,
        )
    for row in lines:
        name = "/".join(Path(row["path"]).parts[-2:])
        out().print(f"  {name} at byte {row['place']:,}: {row['why']}", markup=False)


def _agrees(store: Store, truth: dict[str, int]) -> bool:
    """Whether the store has what plain Python added up from the same lines."""
    found = store.totals(store.cut())
    same = all(found[name] == amount for name, amount in truth.items())
    out().print()
    if same:
        out().print(
            f"[bold green]Exact[/bold green]: {truth['requests']:,} requests, {truth['bytes_sent']:,} bytes, as an "
            "independent sum over the same lines has them."
        )
    else:
        out().print(f"[bold red]Not exact[/bold red]: the store has {found}, an independent sum {truth}")
    return same


def _show_next(folder: Path, now: datetime, task: str, outage: str) -> None:
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    config = f"--config {shown}/prebill.toml"
    end, at = now - SECOND_LOOK, "%Y-%m-%dT%H:%MZ"
    query = "SELECT minute, sum(bytes_sent) AS bytes FROM usage GROUP BY minute ORDER BY bytes DESC LIMIT 5"
    out().print()
    out().print("[bold]Try next[/bold]", highlight=False)
    for command in (
        f"coverage {config} --now {now:{at}} --from {end - HOUR:{at}} --to {end:{at}} --zoom minute --edge e2",
        f"gaps {config} --now {now:{at}} --closed",
        f"tasks show {task} {config} --now {now:{at}}",
        f"tasks digest {config} --now {now:{at}}",
        f"incidents show {outage} {config} --now {now:{at}}",
        f"incidents after {outage} {config} --now {now:{at}}",
        f"status {config} --now {now:{at}}",
        f'sql {config} "{query}"',
        f"price --plan {shown}/plans/volume.toml --usage {shown}/spike.csv --tz Europe/Moscow",
        f"aggregate {shown}/spool/e1/*.log",
        "aggregate /var/log/nginx/access.log",
    ):
        out().print(f"  {_called()} {command}", markup=False, soft_wrap=True)
    out().print(
        "Each looks at coverage anew: what was lost, and its money, is estimated from all that has come by then.",
        style="dim",
        soft_wrap=True,
    )


def _called() -> str:
    """The command as it can be typed here: `make` calls it where it is on no PATH."""
    if shutil.which("prebill"):
        return "prebill"
    called = Path(sys.argv[0]).absolute()
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)
