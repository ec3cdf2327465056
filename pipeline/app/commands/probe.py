"""`prebill probe`: runs the configured probes from here, once to a table or all the time into the store, and takes down
calls to the support line that people made."""

from __future__ import annotations

import contextlib
import json as jsonlib
import socket
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipeline.app.failures import FOUND_SOMETHING, UsageFailure
from pipeline.app.incidents.probe_output import WORDS, probe_rows, show_rows
from pipeline.app.incidents.probe_store import LastingStore
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import any_store
from pipeline.app.terminal import plural, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from incidents.probes.checks import Check, Verdict
    from incidents.probes.prober import Prober
    from pipeline.app.configuration.settings import Config
    from pipeline.app.context import Context
    from pipeline.coverage.evidence import Evidence
    from pipeline.store.store import Store

ACTOR = "probe"
CALL = "call"


def probe(
    *names: str,
    once: Flag = False,
    vantage: str = "",
    ok: Literal["yes", "no"] | None = None,
    politeness: Annotated[int | None, Parameter(name="--politeness")] = None,
    line: str = "",
    text: str = "",
    print_: Annotated[bool, Parameter(name="--print", negative="", show_default=False)] = False,
    json: Flag = False,
    context: Given,
) -> int:
    """Look at customers' hosts, edges, origins and the support line from here, as [[probe]] of the configuration says.

    Without --once it goes on until it is stopped, and what it sees goes to
    the store as evidence. `prebill probe call` takes down a call to the
    support line that a person made to try it: prebill probe call --vantage
    anna --ok yes --politeness 9 --text "answered at the second ring". It is
    the same as `support call --test`: the incident engine judges it, and the
    weekly report counts it.

    Parameters
    ----------
    names
        Probes by name; default: all. `call`: report a call instead.
    once
        Run each once, now, show what was seen and keep nothing. Exit 1 if one failed or could not look.
    vantage
        Where it is looked from, or who called. Default: probing.vantage, else this machine's name.
    ok
        Of a call: whether somebody answered and could help. Required there.
    politeness
        Of a call: a score from 0 to 10.
    line
        Of a call: which support line, where there are several.
    text
        Of a call: what is to be said about it.
    print_
        Print the evidence, NDJSON, instead of adding it to a store: for a vantage point that reaches none.
    json
        One JSON document on standard output, a list of what each probe saw; with --once or `call` only.
    """
    if names and names[0] == CALL:
        return _call(names[1:], vantage, ok, politeness, line, text, context, json=json)
    given = (("--ok", ok), ("--politeness", politeness), ("--line", line), ("--text", text))
    if wrong := [name for name, value in given if value not in (None, "")]:
        raise UsageFailure(f"{', '.join(wrong)}: only with `prebill probe call`")
    if json and (print_ or not once):
        raise UsageFailure("--json: only with --once, and without --print")
    config = context.config
    checks = configured_checks(config, vantage, names)
    if once:
        return _once(checks, config, context, json=json, print_=print_)
    with contextlib.nullcontext() if print_ else LastingStore(context) as store:
        return _for_ever(checks, config, context, store)


def configured_checks(config: Config, vantage: str = "", names: Sequence[str] = ()) -> tuple[Check, ...]:
    """What is to be run from here; raises UsageFailure for names that no probe has, and where there is none."""
    from incidents.probes.checks import checks_of
    from pipeline.shape import nearest

    known = [each.name for each in config.probe]
    if not known:
        raise UsageFailure(
            "no probe is configured",
            mend="[[probe]] in the configuration makes one; docs/probes.md shows how.",
        )
    if strange := [name for name in names if name not in known]:
        raise UsageFailure([f"{name}: no probe has this name; {nearest(name, known)}" for name in strange])
    if vantage in (exporter.vantage for exporter in config.probing.blackbox):
        raise UsageFailure(
            f"--vantage: {vantage} is a blackbox exporter's; each vantage point has its own name"
        )
    return checks_of(config.probing, config.probe, here(config, vantage), names)


def here(config: Config, vantage: str = "") -> str:
    """The name of this vantage point."""
    return vantage or config.probing.vantage or socket.gethostname() or "here"


def prober_into(
    store: Store,
    checks: Sequence[Check],
    config: Config,
    clock: Callable[[], float],
) -> Prober:
    """A prober, not started, whose evidence goes to the store; `clock`: epoch seconds."""
    from incidents.probes.prober import Prober

    return Prober(checks, config.probing, _into(store.add_evidence, clock), clock, told=say)


def _into(
    add: Callable[[Sequence[Evidence]], object], clock: Callable[[], float]
) -> Callable[[list[dict[str, Any]]], None]:
    """What takes a prober's lines: they are evidence, and added so."""

    def emit(bodies: list[dict[str, Any]]) -> None:
        from pipeline.coverage.evidence import parse_evidence

        lines = [jsonlib.dumps(body, ensure_ascii=False) for body in bodies]
        add(parse_evidence(lines, actor=ACTOR, now=clock()))

    return emit


def _print(bodies: Sequence[dict[str, Any]]) -> None:
    for body in bodies:
        sys.stdout.write(jsonlib.dumps(body, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _once(checks: Sequence[Check], config: Config, context: Context, *, json: bool, print_: bool) -> int:
    from incidents.probes.prober import Prober

    clock = context.clock()
    emit = _print if print_ else lambda _: None
    prober = Prober(checks, config.probing, emit, lambda: clock().timestamp())
    verdicts = prober.run_all()
    rows = [row for verdict in verdicts for row in probe_rows(verdict)]
    if json:
        print_json(rows)
    elif not print_:
        show_rows(rows)
    return 0 if all(row["ok"] for row in rows) else FOUND_SOMETHING


def _for_ever(checks: Sequence[Check], config: Config, context: Context, store: LastingStore | None) -> int:
    """Until a signal ends it; what changes is told, a line each, and everything is kept: printed without a store."""
    from incidents.probes.prober import Prober

    now, stood = context.clock(), dict[str, bool | None]()

    def clock() -> float:
        return now().timestamp()

    def seen(verdict: Verdict) -> None:
        key = verdict.check.key
        if key in stood and stood[key] == verdict.ok:
            return
        stood[key] = verdict.ok
        detail = f": {verdict.detail}" if verdict.detail else ""
        say(f"{WORDS[verdict.ok]}: {verdict.check.names} from {verdict.check.vantage}{detail}")

    emit = _print if store is None else _into(store.add, clock)
    prober = Prober(checks, config.probing, emit, clock, told=say, seen=seen)
    say(
        f"{plural(len(checks), 'check')} from {', '.join(dict.fromkeys(c.vantage for c in checks))}; Ctrl-C ends it"
    )
    prober.start()
    try:
        threading.Event().wait()
    finally:
        if store is not None:
            store.end()
        prober.stop()
    return 0


def _call(
    rest: Sequence[str],
    vantage: str,
    ok: str | None,
    politeness: int | None,
    line: str,
    text: str,
    context: Context,
    *,
    json: bool,
) -> int:
    from incidents.desk.acts import ActError
    from pipeline.app.support.calls import take_call
    from pipeline.app.support.log import StoreLog
    from pipeline.coverage.evidence import EvidenceError

    wrong = [f"{' '.join(rest)}: not expected after `call`"] if rest else []
    wrong += [] if vantage else ["--vantage: required with `call`: who called"]
    wrong += [] if ok else ["--ok: required with `call`: yes or no"]
    if politeness is not None and not 0 <= politeness <= 10:
        wrong.append(f"--politeness: expected a score from 0 to 10, found {politeness}")
    if wrong:
        raise UsageFailure(wrong)
    now = context.now().timestamp()
    with any_store(context) as store:
        try:
            new, body = take_call(
                store, StoreLog(store, lambda: now), who=vantage, answered=ok == "yes", test=True, score=politeness,
                line=line, text=text, now=now,
            )  # fmt: skip
        except EvidenceError as error:
            raise UsageFailure([str(problem) for problem in error.problems]) from None
        except ActError as error:
            raise UsageFailure(f"--politeness: {error}") from None
    if json:
        print_json({"added": len(new), "evidence": body})
    else:
        say(
            f"a call to the support line by {vantage}: {'answered' if ok == 'yes' else 'NOT answered'}; taken down"
        )
    return 0
