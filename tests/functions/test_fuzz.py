"""Whatever is sent, the functions answer, count it or keep it, and lose nothing (behaviour R1).

Sent as CloudEvents through functions-framework's own app; other envelopes: tests/functions/test_envelopes.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.local.sqlite import SqliteStore
from shared.app.quarantine.rows import Quarantined, Row, listed
from shared.app.reporting import queries
from shared.app.transitions.cloudevents import delivery_of
from shared.core.decision.fold import REMEMBERED_PENDING_AUDIT, SHORT_LIST
from shared.core.wire.spelling import LONGEST_CORRELATION
from shared.documents import from_data
from shared.ports import StateStore
from tests.emulators.gcloud import patient
from tests.functions.entry import ABSENT, PUBLISHED, TOPICS, TRANSITIONS, client, message, post
from tests.functions.worlds import POLICY, FunctionsKit, functions_kit

QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)
SHORT = settings(QUIET, max_examples=40)
UNDERSTOOD = {
    "processor_name": "PlayerGameSummaryProcessor",
    "game_date": "2026-01-21",
    "status": "success",
    "record_count": 150,
}
NESTED = "[" * 400 + "]" * 400

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    any_text,
    st.sampled_from(["", " ", "\x00", "\ud800", "__x__", ".", "..", "a/b", "None", "TODAY", "2026-2-3", "1e400"]),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(any_text, inner, max_size=4)),
    max_leaves=10,
)
names = st.sampled_from(
    [*(form for phase in POLICY.phases.values() for p in phase.processors.values() for form in (p.name, *p.aliases))]
)
dates = st.one_of(
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["2026-01-21", "2026-01-22", "0000-00-00", "0001-01-01", "9999-12-31", "2026-02-30", "20260121"]),
)
counts = st.one_of(st.integers(0, 500), st.floats(), st.sampled_from(["12", "-1", "1e9", 2**63, 10**400, -5]))
statuses = st.sampled_from(["started", "success", "partial", "no_data", "skipped", "failed", "inferred", "done"])


def or_anything(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, json_values)


metadata = st.fixed_dictionaries(
    {},
    optional={
        "is_incremental": json_values,
        "entities_changed": or_anything(
            st.fixed_dictionaries({}, optional={"players": json_values, "teams": json_values})
        ),
        "completion_pct": or_anything(st.floats()),
        "completed_predictions": json_values,
        "batch_id": json_values,
    },
)
completions = st.fixed_dictionaries(
    {"processor_name": or_anything(names), "game_date": or_anything(dates), "status": or_anything(statuses)},
    optional={
        "pipeline": or_anything(st.just("nba")),
        "phase": or_anything(st.sampled_from([*POLICY.phases])),
        "mode": or_anything(st.sampled_from([*POLICY.modes])),
        "lane": or_anything(st.sampled_from(["live", "backfill"])),
        "record_count": or_anything(counts),
        "expected_count": or_anything(counts),
        "output_table": or_anything(st.sampled_from(["nba_raw.bigdataball_play_by_play", "player_daily_cache"])),
        "output_dataset": json_values,
        "timestamp": or_anything(st.datetimes().map(lambda at: at.isoformat())),
        "execution_id": json_values,
        "correlation_id": json_values,
        "error_message": json_values,
        "backfill_mode": json_values,
        "skip_downstream_trigger": json_values,
        "metadata": or_anything(metadata),
    },
)
bodies = st.one_of(
    st.binary(max_size=200),
    json_values.map(lambda value: json.dumps(value).encode()),
    completions.map(lambda value: json.dumps(value).encode()),
    completions.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")),
)


def completion(**changed: Any) -> bytes:
    return json.dumps({**UNDERSTOOD, **changed}).encode()


def entities(number: int, letter: str) -> bytes:
    players = [f"{letter * 120}{index}" for index in range(number)]
    return completion(metadata={"entities_changed": {"players": players, "teams": players}, "is_incremental": True})


NASTY: dict[str, bytes] = {
    "half a character as name": b'{"processor_name": "\\ud800", "game_date": "2026-01-21", "status": "success"}',
    "half characters in texts": completion(
        error_message="\udcff" * 3000, execution_id="\ud800", correlation_id="\udfff"
    ),
    "half a character in a refused value": completion(status="\ud800"),
    "half characters as date": completion(game_date="\ud8002026-01-21"),
    "a NUL": completion(processor_name="Player\x00GameSummary", error_message="\x00"),
    "only NULs": b"\x00" * 64,
    "a huge integer": completion(record_count=10**4000),
    "an integer JSON refuses": b'{"record_count": ' + b"9" * 5000 + b"}",
    "an integer beyond 64 bits": completion(record_count=2**64),
    "NaN": b'{"record_count": NaN, ' + completion()[1:],
    "NaN percent": completion(metadata={"completion_pct": float("nan")}),
    "1e400": b'{"processor_name": "PlayerGameSummaryProcessor", "game_date": "2026-01-21", "status": "success", '
    b'"record_count": 1e400}',
    "1e400 percent": completion(metadata={"completion_pct": float("inf")}),
    "nested beyond the parser": b"[" * 100_000,
    "nested in a status": completion()[:-1] + b', "status": ' + NESTED.encode() + b"}",
    "nested in a count": completion()[:-1] + b', "record_count": ' + NESTED.encode() + b"}",
    "nested in metadata": completion()[:-1]
    + b', "metadata": {"entities_changed": {"players": '
    + NESTED.encode()
    + b"}}}",
    "600 KB of nothing JSON": b"x" * 600_000,
    "600 KB of spaces and a letter": b" " * 600_000 + b"x",
    "600 KB of an unknown field": completion(unknown="x" * 600_000),
    "600 KB of a refused status": completion(status="x" * 600_000),
    "600 KB of a refused date": completion(game_date="2" * 600_000),
    "3 MB": completion(status="y" * 3_000_000),
    "a name of 100 KB": completion(processor_name="P" * 100_000),
    "a name of 100 KB in three-byte letters": completion(processor_name="\u6f22" * 33_000),
    "a date of zeros": completion(game_date="0000-00-00"),
    "the first date": completion(game_date="0001-01-01"),
    "the last date": completion(game_date="9999-12-31"),
    "the last date, backfill": completion(game_date="9999-12-31", backfill_mode=True),
    "the last but one date": completion(game_date="9999-12-30", mode="tomorrow"),
    "a date of other digits": completion(game_date="\u0662\u0660\u0662\u0666-01-21"),
    "a cause with carriage returns": completion(status="failed", error_message="no\r\nrows\r\n"),
    "a cause with a reserved name": completion(status="failed", error_message="__x__"),
    "a cause of dots": completion(status="failed", error_message=".."),
    "a cause of 2 KB": completion(status="failed", error_message="\u6f22" * 2000),
    "100,000 entities": entities(100_000, "p"),
    "100,000 entities in four-byte letters": entities(2_000, "\U0001f3c0"),
    "every text as long as it gets": completion(
        correlation_id="\U0001f3c0" * 4000,
        execution_id="\U0001f3c0" * 4000,
        output_table="\U0001f3c0" * 4000,
        error_message="\U0001f3c0" * 4000,
        metadata={
            "batch_id": "\U0001f3c0" * 4000,
            "entities_changed": {"players": ["\U0001f3c0" * 100] * 55, "teams": []},
        },
    ),
    "an object in place of every text": completion(correlation_id={}, execution_id=[1], output_table={"a": 1}),
    "another pipeline of 100 KB": completion(pipeline="z" * 100_000),
    "a phase that is a list": completion(phase=["phase3"]),
    "a mode that is an object": completion(mode={"overnight": 1}),
    "a lane that is a number": completion(lane=3),
    "a time before time": completion(timestamp="0001-01-01T00:00:00+14:00"),
    "a time after time": completion(timestamp="9999-12-31T23:59:59-14:00"),
    "a list": b"[]",
    "a byte order mark": b"\xef\xbb\xbf" + completion(),
}
IDS = ["a/b/c", "/", ".", "..", "__x__", "\ud800", "\x00", "x" * 5000, "\u6f22" * 600, "a b", "\r\n", "~", "\U0001f3c0"]
TIMES = ["", "never", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", 5, None, [], {}]


def kept(opened: FunctionsKit) -> list[Quarantined]:
    """Return the newest message of each row of quarantine that the latest request looked at or wrote."""
    documents = opened.store.touched("quarantine")
    rows = {document.path: from_data(Row, document.data) for document in documents if document.path.count("/") == 1}
    newest = {(path, row.bodies[-1].name) for path, row in rows.items()}
    return [
        kept_message for kept_message in listed(opened.context, None) if (kept_message.row, kept_message.body) in newest
    ]


def counted(opened: FunctionsKit, message_id: str) -> list[str]:
    """Return the completions that the latest request touched and that have counted this message."""
    return [
        document.id for document in opened.store.touched("completions") if message_id in document.data["message_ids"]
    ]


def held_to(
    opened: FunctionsKit, function: str, sent: Any, data: bytes, attributes: dict[str, Any] | None = None
) -> None:
    """Send an event twice and hold the functions to their promise both times: answered, and counted or kept whole."""
    event = {"id": "event", "source": f"//x/topics/{TOPICS[function]}", "time": PUBLISHED, **(attributes or {})}
    event_id = delivery_of(opened.context, function, _Event(event, sent)).message_id
    for _ in range(2):
        opened.store.paths.clear()
        answer = post(function, sent, attributes)
        assert 200 <= answer.status_code < 300, (answer.status_code, answer.get_data(as_text=True)[:500])
        rows, completions = kept(opened), counted(opened, event_id)
        if not data.strip():
            assert (rows, completions) == ([], [])
        else:
            assert len(rows) + len(completions) == 1, (rows, completions)
        for row in rows:
            assert (row.raw, bool(row.reason), len(row.reason) < 1000) == (data, True, True)


class _Event:
    """A CloudEvent as the functions see it."""

    def __init__(self, attributes: dict[str, Any], data: Any) -> None:
        self.attributes, self.data = attributes, data

    def __getitem__(self, name: str) -> Any:
        if self.attributes.get(name) is ABSENT:
            raise KeyError(name)
        return self.attributes[name]


@pytest.fixture(scope="module")
def emulated(firestore_host: str) -> Iterator[Callable[[], StateStore]]:
    """Makes stores on the emulator, each in a project of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
        patient(patch)
        yield lambda: FirestoreStore(f"demo-fuzz-{token_hex(4)}")


@QUIET
@given(function=st.sampled_from(TRANSITIONS), data=bodies)
def test_any_message_is_counted_or_kept(function: str, data: bytes) -> None:
    """Arbitrary bytes, arbitrary JSON and almost right completions are answered with 2xx, counted or kept whole."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        held_to(opened, function, message(data, "m1"), data)
        assert len(queries.quarantine(opened.context)) <= 1


@pytest.mark.xdist_group("firestore")
@SHORT
@given(function=st.sampled_from(TRANSITIONS), data=bodies, number=st.integers(0, 10**12))
def test_any_message_is_counted_or_kept_on_firestore(
    emulated: Callable[[], StateStore], function: str, data: bytes, number: int
) -> None:
    """Firestore takes all that SQLite takes."""
    with functions_kit(emulated()) as opened:
        held_to(opened, function, message(data, str(number)), data)


@pytest.mark.parametrize("function", TRANSITIONS)
@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_message_is_counted_or_kept(name: str, function: str) -> None:
    """Known ways to break parsers and stores end in a count or in quarantine, in one row however often they come."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        held_to(opened, function, message(NASTY[name], "m1"), NASTY[name])
        assert len(queries.quarantine(opened.context)) <= 1


@pytest.mark.xdist_group("firestore")
@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_message_is_counted_or_kept_on_firestore(name: str, emulated: Callable[[], StateStore]) -> None:
    """Firestore refuses names, values and sizes that SQLite takes; none of them reaches it."""
    with functions_kit(emulated()) as opened:
        held_to(opened, "phase3_to_phase4", message(NASTY[name], "m1"), NASTY[name])


@pytest.mark.xdist_group("firestore")
@pytest.mark.parametrize("status", ["success", "failed"])
def test_a_processor_that_always_says_the_most_stays_within_a_document(
    status: str, emulated: Callable[[], StateStore]
) -> None:
    """All that is remembered of the longest possible reports fits what Firestore takes, however many come."""
    four = "\U0001f3c0"
    players = [f"{four * 24}{index}" for index in range(1000)]
    with functions_kit(emulated()) as opened:
        for number in range(REMEMBERED_PENDING_AUDIT + 5):
            changed = players if number % 20 == 0 else players[:SHORT_LIST]
            texts = dict.fromkeys(("correlation_id", "execution_id", "output_table"), f"{number}{four * 1000}")
            texts["correlation_id"] = f"{number}{four * (LONGEST_CORRELATION // 4 - 1)}"
            about = {"batch_id": four * 1000, "entities_changed": {"players": changed, "teams": players[:1]}}
            data = completion(**texts, status=status, error_message=texts["execution_id"], metadata=about)
            answer = post("phase3_to_phase4", message(data, f"{number}".rjust(200, "9")))
            assert answer.status_code == 200, (number, answer.get_data(as_text=True)[:500])
        assert len(counted(opened, f"{number}".rjust(200, "9"))) == 1


@pytest.mark.parametrize("store", ["sqlite", pytest.param("firestore", marks=pytest.mark.xdist_group("firestore"))])
@pytest.mark.parametrize("data", [completion(), b"not JSON"], ids=["understood", "not understood"])
def test_any_message_id_names_one_message(store: str, data: bytes, request: pytest.FixtureRequest) -> None:
    """Ids with slashes, reserved names, half characters, of any length are each one message, and no other's."""
    inner = SqliteStore(":memory:") if store == "sqlite" else request.getfixturevalue("emulated")()
    with functions_kit(inner) as opened:
        for message_id in IDS:
            held_to(opened, "phase3_to_phase4", message(data, message_id), data)
        if data == b"not JSON":
            assert len(queries.quarantine(opened.context)) == len(IDS)


def test_messages_whose_ids_differ_in_a_slash_are_two() -> None:
    """No two ids fall together on their way into the store."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        for message_id in ("a/b", "a~b", "a-b", "a%2Fb"):
            held_to(opened, "phase3_to_phase4", message(message_id.encode(), message_id), message_id.encode())
        assert len(queries.quarantine(opened.context)) == 4


def test_a_message_without_any_id_is_known_again() -> None:
    """Without an id a message is known by what it says: sent twice it is one row, and another one is another."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        for data in (b"one", b"two"):
            sent = message(data, "")
            held_to(opened, "phase3_to_phase4", sent, data, {"id": " "})
        assert len(queries.quarantine(opened.context)) == 2


@pytest.mark.parametrize("store", ["sqlite", pytest.param("firestore", marks=pytest.mark.xdist_group("firestore"))])
@pytest.mark.parametrize("data", [completion(), b"not JSON"], ids=["understood", "not understood"])
def test_any_publish_time_is_taken(store: str, data: bytes, request: pytest.FixtureRequest) -> None:
    """A publish time that is none, or that no zone can show, is the time of receipt."""
    inner = SqliteStore(":memory:") if store == "sqlite" else request.getfixturevalue("emulated")()
    with functions_kit(inner) as opened:
        for number, published in enumerate(TIMES):
            held_to(opened, "phase3_to_phase4", message(data, f"m{number}", published), data)


@QUIET
@given(
    function=st.sampled_from(TRANSITIONS),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "id": st.text(st.characters(exclude_categories=()), min_size=1, max_size=40),
            "source": st.one_of(any_text.filter(bool), st.sampled_from([f"//x/topics/{t}" for t in TOPICS.values()])),
            "type": any_text.filter(bool),
            "subject": any_text.filter(bool),
            "anything": any_text,
        },
    ),
)
def test_any_attribute_is_taken(function: str, attributes: dict[str, Any]) -> None:
    """What a CloudEvent says of itself breaks nothing; an unknown source is the function's own topic."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        held_to(opened, function, message(completion(), ""), completion(), attributes)


@QUIET
@given(
    function=st.sampled_from(TRANSITIONS),
    sent=st.one_of(
        json_values,
        st.fixed_dictionaries({"message": json_values}),
        st.fixed_dictionaries(
            {
                "message": st.fixed_dictionaries(
                    {},
                    optional={
                        "data": or_anything(
                            st.sampled_from(["", "!", "e30=", base64.b64encode(completion()).decode()])
                        ),
                        "messageId": json_values,
                        "message_id": json_values,
                        "publishTime": or_anything(st.datetimes().map(lambda at: at.isoformat())),
                        "attributes": json_values,
                    },
                )
            }
        ),
    ),
)
def test_any_shape_of_an_event_is_taken(function: str, sent: Any) -> None:
    """An event without a message, a message without its fields, fields of other types: answered, counted or kept."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        data = delivery_of(opened.context, function, _Event({"id": "event"}, sent)).data
        held_to(opened, function, sent, data)


@pytest.mark.parametrize("port", ["state"])
@pytest.mark.parametrize("data", [completion(), b"not JSON"], ids=["understood", "not understood"])
def test_only_a_failing_port_is_answered_with_an_error(port: str, data: bytes) -> None:
    """While the store is down the answer is 5xx and the message comes again; a probe is taken all the same."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        opened.fail(port)
        assert post("phase3_to_phase4", message(data, "m1")).status_code >= 500
        assert post("phase3_to_phase4", message(b"  ", "m2")).status_code == 200


wishes = st.one_of(
    st.binary(max_size=200),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {},
        optional={
            "date": or_anything(dates),
            "mode": or_anything(st.sampled_from([*POLICY.modes])),
            "dry_run": json_values,
            "force": json_values,
        },
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"[" * 100_000, b"9" * 5000, b'{"date": "\\ud800"}', b'{"mode": "\\ud800"}', b"\x00" * 600_000]),
)


@QUIET
@given(
    data=wishes,
    path=st.sampled_from(["/", "/sweep", "/a/b/c"]),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    kind=st.sampled_from(
        ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
    ),
)
def test_self_heal_answers_anything(data: bytes, path: str, method: str, kind: str) -> None:
    """Whatever the body, a POST sweeps and answers a JSON list, or is refused with a hint and touches nothing, as any
    other method is."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        answer = client("self_heal").open(path, method=method, data=data, content_type=kind)
        body = json.loads(answer.get_data())
        fits = (200, 207, 400, 404) if method == "POST" else (404, 405)
        assert answer.status_code in fits, (answer.status_code, str(body)[:500])
        if answer.status_code in (200, 207):
            assert isinstance(body, list)
        else:
            assert body["hint"]
            assert opened.store.paths == []
        assert opened.store.count("quarantine") == 0


@QUIET
@given(sent=st.lists(st.tuples(st.sampled_from(TRANSITIONS), bodies), max_size=5))
def test_the_sweep_lives_with_whatever_was_taken(sent: list[tuple[str, bytes]]) -> None:
    """After any messages the next two sweeps answer 200 or 207: nothing that was counted breaks them."""
    with functions_kit(SqliteStore(":memory:")):
        for number, (function, data) in enumerate(sent):
            post(function, message(data, f"m{number}"))
        for _ in range(2):
            answer = client("self_heal").post("/")
            assert answer.status_code in (200, 207), answer.get_data(as_text=True)[:500]
