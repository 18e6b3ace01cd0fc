"""One Protocol for each thing outside: what the use cases may ask of it, and nothing else.

Every method that talks to the outside raises ``Unavailable`` when the outside did not answer.
A "no" (a lost race, an absent document, a refusal) is a value.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from shared.core.alerting.links import Link
from shared.core.model import Units
from shared.core.policy.policy import Excluded

if TYPE_CHECKING:  # what a completion that only waits has no use for
    from shared.core.reporting.inventory import Declared, Feed, Job
    from shared.core.workflows.units import ScheduledUnit


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document: ``path`` is ``collection/id[/collection/id]``, ``version`` opaque."""

    path: str
    data: Mapping[str, Any]
    version: str

    @property
    def id(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class StateStore(Protocol):
    """The truth for decisions: documents with compare-and-set, no transactions.

    Data holds None, bool, int, float, str, aware datetimes, dicts with string keys, and lists; what is
    read equals what was written, tuples as lists. Ids hold no slash.
    """

    def get(self, *paths: str) -> list[Document | None]:
        """Return the documents in the order asked, None where there is none: one round trip."""

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        """Write a new document; return its version, or None if the path exists already."""

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        """Replace a whole document; return the new version, or None if it is not at ``version``."""

    def delete(self, path: str) -> None:
        """Remove a document; one that is not there is no error."""

    def query(self, collection: str, where: Mapping[str, str | int | bool | None] | None = None) -> list[Document]:
        """Return a collection's documents whose top-level fields equal ``where``, by id."""

    def query_and_get(
        self, collection: str, where: Mapping[str, str | int | bool | None] | None, *paths: str
    ) -> tuple[list[Document], list[Document | None]]:
        """Return what ``query`` and ``get`` return, both asked at once: one round trip.

        Both hold what was written before the call; of what is written meanwhile either may be the older. A store that
        cannot ask at once takes this.
        """
        return self.query(collection, where), self.get(*paths)

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        """Return the documents whose text in a top-level field is from ``first`` to ``last``, both included, in the
        order of that text and at most so many; a field that is absent or holds no text is in no range."""

    def count(self, collection: str, where: Mapping[str, str | int | bool | None] | None = None) -> int:
        """Count what ``query`` would return, without reading it."""


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table as ``dataset.table`` and the column that holds the run's date.

    DATE, DATETIME (local as it is), TIMESTAMP (on the pipeline's local date), ISO text, or a number such as
    20260310. A column of which nobody can say that, makes the table unreadable, never empty.
    """

    table: str
    date_column: str = "game_date"


@dataclass(frozen=True, slots=True)
class UnitsRef:
    """A table whose rows belong to units: ``expression`` names a row's, ``at_least`` rows of it must be there.

    ``label`` is the processor's name, or that of its source.
    """

    label: str
    table: str
    date_column: str
    expression: str
    at_least: int = 1


@dataclass(frozen=True, slots=True)
class CalendarRef:
    """Where the units of a date are listed (policy key ``calendar``).

    A unit that is not final and whose ``start_column`` is not later than ``over_since`` is presumed over.
    """

    table: str
    date_column: str
    status_column: str
    excluded_statuses: tuple[str, ...] = ()
    final_status: str = "Final"
    unit_key: str = ""
    final: str = ""
    start_column: str | None = None
    over_since: datetime | None = None
    excluded: Excluded | None = None


class Warehouse(Protocol):
    """Read side of the warehouse. Every query is bounded by the date column."""

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        """Return each table's rows of the date, keyed by ``TableRef.table``; None where that table cannot be read."""

    def filled(self, tables: Sequence[TableRef], days: Sequence[date]) -> dict[str, frozenset[date]]:
        """Return on which of these dates a table holds rows, of those of many tables whose metadata tells it for sure;
        the others are left out."""

    def number(self, sql_file: str, day: date) -> float | None:
        """Run one GoogleSQL file (under ``config/``, parameter ``@date``); None if it yields NULL or nothing."""

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        """Count the units of each date asked; a date without any has ``Units(0, 0)``.

        Names are told where the calendar has a key for them, in their order; names of those presumed over likewise.
        """

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        """Return the units of each date asked with their starts, in the order of their names."""

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        """Return the units of the date that each table holds with enough rows, by label; None where it is unreadable.

        One query for all of them, unless one of them cannot be read.
        """

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        """Return the units that one table holds with enough rows on each of these dates, by one query; None where a
        date cannot be read."""

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run GoogleSQL with named parameters and return its rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the record; ``insert_id`` makes a repeated insert harmless."""

    insert_id: str
    columns: Mapping[str, Any]


class AuditLog(Protocol):
    """The record for people (behaviour 8): appended to, and read back to compare it with the state."""

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Append rows to a table of the record's dataset; a repeat adds no row a reader counts twice."""

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        """Return a pipeline's rows of ``phase_completions`` from one date to another, both included, each insert id
        once: many pipelines share a record, and none pays for reading the others' rows."""

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        """Return the rows of ``phase_execution_log`` likewise."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: a JSON body and its attributes."""

    body: Mapping[str, Any]
    attributes: Mapping[str, str]


class Bus(Protocol):
    """Publishing to topics."""

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        """Publish all messages and return the broker's message ids, once it has accepted every one."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no delivery of its topic got through, as it lies aside.

    ``topic`` is the one it was published to, "" where that is not known; ``published_at`` is its first publication.
    ``attempts`` is 0 and ``reason`` "" where the bus does not say. ``lease`` names it in the calls below.
    """

    message_id: str
    topic: str
    subscription: str
    data: bytes
    attributes: Mapping[str, str]
    published_at: datetime
    dead_at: datetime
    attempts: int
    reason: str
    lease: str


class DeadLetters(Protocol):
    """What the bus gave up delivering. What was taken and neither removed nor given back comes again in a minute."""

    def take(self, most: int) -> list[DeadLetter]:
        """Return up to so many that nobody else has taken, each once; an empty list where there are no more."""

    def publish(self, letter: DeadLetter, attributes: Mapping[str, str]) -> str:
        """Publish its bytes to its topic with these attributes; return the new message id.

        Raises ValueError if the bus will never take it, such as for too many attributes.
        """

    def remove(self, letters: Sequence[DeadLetter]) -> None:
        """Forget what was taken."""

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Let others take them at once."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, whatever its status; ``retry_at`` is what its Retry-After says, None without one."""

    status: int
    body: str
    retry_at: datetime | None = None


class Http(Protocol):
    """Calls to the pipeline's services, with an ID token for the service's URL where there is one."""

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        """Return the answer, of any status; raise ``Unreached`` if the call never reached the service, else
        ``Unavailable`` if no answer came in time: what came of the call is then unknown (behaviour D11)."""


class AsyncHttp(Protocol):
    """Calls to the pipeline's services, many at once, on pooled connections."""

    async def request(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        """Return the answer, of any status; raise ``Unavailable`` if none came. The caller bounds the time."""


T = TypeVar("T")


class Calls(Protocol):
    """Where asynchronous calls are made: one event loop and one pool of connections at a time."""

    def run(self, work: Callable[[AsyncHttp], Coroutine[Any, Any, T]]) -> T:
        """Run ``work`` to its end and return what it returns; raise what it raises."""

    async def aside(self, work: Callable[[], T]) -> T:
        """Do inside ``run`` what blocks, such as a write to the store: the calls that are open go on meanwhile."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One text for people: an alert, its repetition, or its recovery; ``taken`` names the sinks that have it.

    ``title`` is what it is called in words, ``run`` the run or pipeline it is of, ``command`` the line to paste first.
    ``sinks`` are those that it is for, () for those by default. ``others`` are sent with it, as one message that is
    called ``heading``: all are of one run and severity, for the same sinks, and all are over or none is. ``threads``
    are by sink what it answered when it took the alert, ``thread`` is that of the sink that is asked.
    """

    fingerprint: str
    severity: str
    kind: str
    text: str
    resolved: bool = False
    count: int = 1
    taken: tuple[str, ...] = ()
    title: str = ""
    run: str = ""
    links: tuple[Link, ...] = ()
    command: str = ""
    sinks: tuple[str, ...] = ()
    heading: str = ""
    others: tuple[Notice, ...] = ()
    threads: Mapping[str, str] = field(default_factory=dict, hash=False)
    thread: str = ""

    @property
    def parts(self) -> tuple[Notice, ...]:
        """What is sent as one message, each part without the others."""
        return (replace(self, others=()), *self.others)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The sink took the notice; ``threads`` are by sink what later messages about it are a reply to."""

    threads: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The sink will not take it as it is: try again in an hour, and be red until then.

    ``taken`` names the sinks that have it all the same.
    """

    reason: str
    taken: tuple[str, ...] = ()
    threads: Mapping[str, str] = field(default_factory=dict, hash=False)


class AlertSink(Protocol):
    """Where notices go."""

    def send(self, notice: Notice) -> Delivered | Refused:
        """Send one notice; raise ``Unavailable`` if it may go through later (``Undelivered``: when)."""


class Secrets(Protocol):
    """Secret values by name."""

    def get(self, name: str) -> str | None:
        """Return the value without surrounding white space, or None if there is no such secret."""


class Inventory(Protocol):
    """What is set up in the cloud, and what should be; ``Unavailable`` says what could not be read, and why."""

    def declared(self) -> Declared:
        """Return what the manifest said when the running bundle was built."""

    def schedules(self) -> list[Job]:
        """Return every schedule of the region."""

    def subscriptions(self) -> list[Feed]:
        """Return every subscription of the project."""

    def backlog(self) -> dict[str, int]:
        """Return how many messages wait in each subscription, as monitoring saw last."""


class Clock(Protocol):
    """The only source of time and of fresh identifiers."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""

    def sleep(self, duration: timedelta) -> None:
        """Wait."""

    def token(self) -> str:
        """Return a fresh identifier (32 hex digits)."""
