"""All that the engine remembers, as plain structs: what a snapshot holds, and nothing beside it."""

from __future__ import annotations

from msgspec import Struct, field

from incidents.model import Fact, Harm, Kind, MoneyRate, Priority, Scope, Status

VERSION = 2


class Look(Struct):
    """What one vantage point saw of one target: its last results, oldest first, as (at, ok)."""

    results: list[tuple[float, bool]]
    detail: str = ""

    @property
    def ok(self) -> bool:
        return self.results[-1][1]

    @property
    def at(self) -> float:
        return self.results[-1][0]


class Vantage(Struct):
    """A prober. `okays`, `bads`: its targets, by their last result. `witness`: a target that fails for it and is
    healthy for another one. `watches`: it does more than to call the support line."""

    at: float
    okays: dict[str, None] = {}
    bads: dict[str, None] = {}
    witness: str = ""
    watches: bool = False
    suspect: bool = False


class Cell(Struct, array_like=True):
    """A minute of traffic. `at`: when it was told."""

    minute: float
    at: float
    requests: int = 0
    errors: int = 0
    origin: int = 0


class Slot(Struct, array_like=True, gc=False):
    """Five minutes of traffic from `begin` on, added up. `told`: their cells, packed, so that a minute that is told
    again or corrected takes the place of what it was."""

    begin: float
    at: float
    requests: int
    errors: int
    origin: int
    minutes: int
    told: bytes


class Past(Struct):
    """What lies behind the cells, as far as slow windows reach: slots, ascending, and their errors."""

    slots: list[Slot] = []
    errors: int = 0


class Pair(Struct):
    """The traffic of one customer (empty: of all) at one edge: the cells of the last window, ascending, what lies
    behind them, and what is usual per minute, a moving mean over `known` minutes that ended before the last cell.
    `levels`: the last cell may be compared with it."""

    cells: list[Cell] = []
    past: Past | None = None
    usual: float = 0.0
    known: int = 0
    levels: bool = True


class EdgeTraffic(Struct):
    """`sums`, `past`: the customers' cells added up. `logged`: requests ever told, by customer and in whole. `burnt`:
    the last minute at which its errors burnt fast."""

    pairs: dict[str, Pair] = {}
    sums: list[Cell] = []
    past: Past | None = None
    burnt: float = 0.0
    logged: int = 0
    logged_whole: int = 0


class Meter(Struct):
    """An edge's counter: the last reading, the one before, what the logs had told by then, and what was usual."""

    at: float
    requests: int
    logged: int
    logged_whole: int
    since: float = 0.0
    rate: float | None = None
    usual: float = 0.0
    known: int = 0
    unlogged: float = 0.0
    usual_unlogged: float = 0.0


class Span(Struct, frozen=True, order=True):
    """Lost minutes [since, until) of a stream; `loss_class`, as the gap said."""

    since: float
    until: float
    stream: str = ""
    loss_class: str = "missing"


class Loss(Struct):
    """What is lost of an edge: open spans, those that a person settled, whom it hits, and its money. `customers`: as
    gaps named them; `unnamed`: open spans of which none did, so that they hit whoever is served there."""

    spans: list[Span] = []
    settled: list[Span] = []
    unnamed: list[Span] = []
    customers: list[str] = []
    rate: MoneyRate | None = None
    told_at: float = 0.0
    came_at: float = 0.0
    most_minutes: int = 0


class Window(Struct, frozen=True, order=True):
    """Planned work [since, until)."""

    since: float
    until: float
    reason: str = ""


class Retired(Struct):
    """An edge that was paused or decommissioned. `base`: its counter then, once it is known."""

    at: float
    action: str
    actor: str = ""
    base: int | None = None


class Asked(Struct):
    """A client's request; `word_at`: when it was made, or repeated."""

    customer: str
    kind: str
    text: str
    word_at: float


class Skew(Struct):
    """When an edge last sent a minute from the future, and a right one."""

    wrong_at: float
    right_at: float = 0.0
    ahead: float = 0.0


class Away(Struct, frozen=True):
    """Nobody watched in [since, back); until `until` it is asked first whether clients are served."""

    since: float = 0.0
    back: float = 0.0
    until: float = 0.0


class Incident(Struct):
    """One incident, open or resolved a short while ago.

    `sources`: what has spoken of harm in it; each must speak well again before it closes. `word`: the newest
    evidence of harm. `suspected_at`: when the verification clock began, the first suspicion; `clean_at`: since when
    all is well, without a break; `fine_until`: until when what showed that last holds, if nothing more is heard;
    `again`: the deadline that a break gave. `turn`: counts raisings and reopenings, in the keys of notices. `sent`:
    when each notice was last sent; `failed`: those that reached nobody, each with the time of the sending that
    failed. `paused`: its notices rest, below another incident. `verified`: a client's word that was answered.
    `borrowed`: it has its priority from, or beside, the incident above it. `minutes`: of a gap, when it was last
    told. `since`: when it opened, or came back. `unanswered`: it called everyone because nothing answered in time.
    `served_at`: since when the client behind it is shown to be served, without a break. `shown`: of an origin, the
    newest look of those that confirm that it fails. `unseen`: as judged. `written`: customers who had a letter since it
    opened, or came back, and so hear on.
    """

    id: str
    subject: str
    kind: Kind
    scope: Scope
    opened_at: float
    harm: Harm
    priority: Priority
    status: Status = Status.OPEN
    reason: str = ""
    facts: tuple[Fact, ...] = ()
    customers: tuple[str, ...] = ()
    sources: list[str] = field(default_factory=list)
    word: float = 0.0
    suspected_at: float | None = None
    clean_at: float | None = None
    fine_until: float = 0.0
    again: float = 0.0
    resolved_at: float | None = None
    resolved_by: str = ""
    parent: str = ""
    flaps: int = 0
    turn: int = 0
    muted: bool = False
    muted_until: float = 0.0
    waits: bool = False
    paused: bool = False
    wants_probe: bool = False
    level: int = 0
    next_level: float | None = None
    next_repeat: float | None = None
    sent: dict[str, float] = {}
    failed: dict[str, float] = {}
    acks: list[str] = []
    warned: bool = False
    verified: bool = False
    borrowed: bool = False
    since: float = 0.0
    unanswered: bool = False
    served_at: float | None = None
    shown: float = 0.0
    minutes: int = 0
    unseen: tuple[str, ...] = ()
    written: tuple[str, ...] = ()


class State(Struct):
    """Everything. `burning`, `smouldering`, `fallen`: customers whose errors, fast or slow, or whose falls, are their
    own; `burnt`: the last minute at which a customer was burning. `hurt`: open company-wide incidents, for which
    tasks wait. `frozen`: watched parts of our own that are dead, so that nothing resolves. `wakes`: when each subject
    is to be judged again. `seen`: the digests of acts taken up, so that none counts twice. `away`: the last restart."""

    version: int = VERSION
    now: float = 0.0
    targets: dict[str, dict[str, Look]] = {}
    vantages: dict[str, Vantage] = {}
    traffic: dict[str, EdgeTraffic] = {}
    homes: dict[str, dict[str, None]] = {}
    meters: dict[str, Meter] = {}
    losses: dict[str, Loss] = {}
    windows: dict[str, list[Window]] = {}
    retired: dict[str, Retired] = {}
    requests: dict[str, Asked] = {}
    skews: dict[str, Skew] = {}
    burning: dict[str, None] = {}
    smouldering: dict[str, None] = {}
    burnt: dict[str, float] = {}
    fallen: dict[str, dict[str, float]] = {}
    incidents: dict[str, Incident] = {}
    hurt: dict[str, None] = {}
    frozen: dict[str, None] = {}
    wakes: dict[str, tuple[float, int]] = {}
    seen: dict[str, float] = {}
    away: Away = Away()
