"""`orch init`: what it writes passes `orch check`, `orch simulate` and `bin/deploy plan` as it is, or nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deploy.manifest import BuildInfo, Manifest
from deploy.manifest_file import load_manifest
from deploy.plan import lines, plan
from deploy.policy_checks import violations
from shared import runtime
from shared.adapters.config.validation_file import load_validation
from shared.cli.init.pipeline_request import RequestError, request_of
from shared.cli.init.writing import MANIFEST, new_files, refuse_unfit
from shared.cli.main import call
from shared.core.errors import PolicyError
from shared.simulation.command import evaluate
from shared.simulation.parse import read_scenario
from tests.deploy.world import COMMIT, PLACE, TODAY, checkout

ZONE = ("--zone", "Europe/Lisbon")
# A pipeline each, with the number of its transitions: chains, names that YAML or Pub/Sub might misread, odd zones, runs
# past midnight, several passes a day.
PIPELINES: dict[str, tuple[tuple[str, ...], int]] = {
    "two": (ZONE, 1),
    "three": ((*ZONE, "--phases", "collect,clean,publish", "--http", "publish"), 2),
    "four": (("--zone", "Asia/Kathmandu", "--phases", "4", "--http", "phase2", "--http", "phase4"), 3),
    "five": (("--zone", "Pacific/Apia", "--phases", "5", "--mode", "night=23:50-00:30"), 4),
    "six": (("--zone", "America/St_Johns", "--phases", "6", "--today", "--mode", "day=00:05-12:00"), 5),
    "on": (("--zone", "Etc/GMT+12", "--phases", "null,yes,y"), 2),
    "often": ((*ZONE, "--mode", "early=06:00-08:00", "--mode", "late=18:00-02:00", "--today"), 1),
    "a" * 20: (("--zone", "Antarctica/Troll", "--phases", f"{'b' * 24},{'c' * 24}", "--http", "c" * 24), 1),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with what a deployment is read from."""
    return checkout(tmp_path / "root")


def init(root: Path, *arguments: str) -> int:
    return call(["init", *arguments, "--root", str(root)])


def manifest_of(root: Path) -> Manifest:
    return load_manifest(root / MANIFEST, today=TODAY, root=root)


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for folder in ("config", "deploy", "tests")
        for path in (root / folder).rglob("*.yaml")
    }


@pytest.mark.parametrize("name", PIPELINES)
def test_a_new_pipeline_is_checked_played_and_planned_as_it_is(root: Path, name: str) -> None:
    """Policy and checks load without a warning, the first night passes, every topic and schedule is planned."""
    arguments, transitions = PIPELINES[name]
    assert init(root, name, *arguments) == 0
    assert call(["check", str(root / "config")]) == 0
    policy = runtime.policy_in(root / "config" / f"{name}.yaml")
    assert (policy.pipeline, len(policy.transitions)) == (name, transitions)
    assert len(load_validation(root / "config" / f"{name}.validation.yaml", policy, "record").checks) == 4

    played = evaluate(read_scenario(root / "tests" / "scenarios" / "own" / f"{name}_first_night.yaml"))
    assert [verdict for verdict in played.verdicts if not verdict.passed] == []
    assert len(played.history.triggers(played.history.departures)) == transitions * len(policy.modes)

    manifest = manifest_of(root)
    planned = lines(plan(manifest, PLACE, BuildInfo(COMMIT, dict.fromkeys(manifest.functions, "a" * 40))))
    assert [violation for line in planned for violation in violations(line)] == []
    texts = [str(line) for line in planned]
    for topic in policy.topics:
        assert any(f"subscriptions create nba-transition--{topic} " in text for text in texts), topic
    for mode in policy.modes:
        assert any(f"scheduler jobs create http nba-validation-{name}--{mode} " in text for text in texts)
    for service in policy.services.values():
        assert any(f"services add-iam-policy-binding {service.deployed_as} " in text for text in texts)


REFUSED = {
    ("harbour",): "--zone is missing",
    ("harbour", "--zone", "Europe/Lisboa"): "did you mean Europe/Lisbon?",
    ("harbour", *ZONE, "--phases", "1"): "a pipeline of 1 phase has nothing to start",
    ("harbour", *ZONE, "--phases", "21"): "21 phases are more than 20",
    ("harbour", *ZONE, "--phases", "99999999999999"): "are more than 20",
    ("harbour", *ZONE, "--phases", "a,b,a"): "the phase 'a' is named twice",
    ("harbour", *ZONE, "--phases", "a,"): "'' is no name of a phase here",
    ("harbour", *ZONE, "--phases", "a,B c"): "such as b_c",
    ("harbour", *ZONE, "--http", "collect"): "one of publish",
    ("harbour", *ZONE, "--mode", "daily"): "such as --mode daily=04:00-06:00",
    ("harbour", *ZONE, "--mode", "daily=04:00-04:04"): "at least 5 minutes",
    ("harbour", *ZONE, "--mode", "daily=24:00-26:00"): "'24:00' is no time of day",
    ("harbour", *ZONE, "--mode", "a=04:00-05:00", "--mode", "a=06:00-07:00"): "the mode 'a' is named twice",
    ("My Shop", *ZONE): "such as my_shop",
    ("google", *ZONE): "not goog: topics are named after it; such as le",
    ("häfen", *ZONE): "'häfen' is no name of a pipeline here",
    ("x" * 21, *ZONE): "at most 20",
    ("nba", *ZONE): "choose another name",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_cannot_work_is_refused(
    root: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 with a reason and a hint, and no file is written or changed."""
    before = files(root)
    assert init(root, *arguments) == 2
    output = capsys.readouterr().err
    assert REFUSED[arguments] in output
    assert "hint: " in output
    assert files(root) == before


def test_what_does_not_fit_those_that_are_there_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A topic of another pipeline is found before anything is written, and named with the file that would have it."""
    other = (root / "config" / "nba.yaml").read_text(encoding="utf-8")
    (root / "config" / "nba.yaml").write_text(other.replace("nba-grading-complete", "harbour-collect-complete"))
    manifest = (root / MANIFEST).read_text(encoding="utf-8")
    (root / MANIFEST).write_text(manifest.replace("nba-grading-complete", "harbour-collect-complete"))
    before = files(root)
    assert init(root, "harbour", *ZONE) == 2
    assert "reports on it already" in capsys.readouterr().err
    assert files(root) == before


def test_the_manifest_is_left_as_it_is(root: Path) -> None:
    """What a new pipeline needs of its deployment follows from its files: nothing is written into that of people."""
    before = (root / MANIFEST).read_bytes()
    assert init(root, "harbour", *ZONE, "--phases", "3", "--http", "phase2") == 0
    assert (root / MANIFEST).read_bytes() == before
    assert "HARBOUR_PHASE2_URL" in manifest_of(root).functions["transition"].environment


def test_the_checks_of_a_new_pipeline_are_called_when_it_is_late(root: Path) -> None:
    """Once a day at the hour that its checks say, in its zone, under its own name; a call that the manifest spells out
    takes the place of the derived one, and at another hour the manifest is refused: by file, name and zone."""
    assert init(root, "harbour", *ZONE) == 0
    derived = {name: each for name, each in manifest_of(root).schedules.items() if "harbour" in name}
    assert {(name, each.cron, each.zone, each.path) for name, each in derived.items()} == {
        ("nba-validation-harbour--daily", "0 7 * * *", "Europe/Lisbon", "/?schedule=daily&pipeline=harbour")
    }
    called = (
        "  by-hand: {calls: validation_runner, cron: '0 7 * * *', zone: Europe/Lisbon, service_account: orch-scheduler,"
        " attempt_deadline: 20m, retries: {attempts: 1}, path: '/?schedule=daily'}\n"
    )
    text = (root / MANIFEST).read_text(encoding="utf-8")
    (root / MANIFEST).write_text(text.rstrip("\n") + "\n" + called, encoding="utf-8")
    schedules = manifest_of(root).schedules
    assert derived.keys() & schedules.keys() == set()
    assert schedules["by-hand"].attempt_deadline == timedelta(minutes=20)
    (root / MANIFEST).write_text(text.rstrip("\n") + "\n" + called.replace("'0 7", "'0 8"), encoding="utf-8")
    with pytest.raises(PolicyError, match=r"is not 07:00 in Europe/Lisbon, as config/harbour\.validation\.yaml says"):
        manifest_of(root)


def test_nothing_is_overwritten_unasked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second call is refused; --force replaces the files, and nothing is planned any more of what the first had."""
    assert init(root, "harbour", *ZONE, "--phases", "4", "--http", "phase2") == 0
    before = files(root)
    assert init(root, "harbour", *ZONE) == 2
    assert "already there\n  hint: choose another name, or replace them with --force" in capsys.readouterr().err
    assert files(root) == before
    assert init(root, "harbour", *ZONE, "--mode", "daily=05:00-06:00", "--force") == 0
    manifest = manifest_of(root)
    assert [topic for topic in manifest.topics if "harbour-phase2" in topic] == []
    assert [name for name in manifest.schedules if "harbour" in name] == ["nba-validation-harbour--daily"]
    assert len(manifest.others) == 1


def test_a_dry_run_prints_what_would_be_written(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole files, and nothing on the disk."""
    before = files(root)
    assert init(root, "harbour", *ZONE, "--dry-run") == 0
    printed = capsys.readouterr()
    assert "+++ config/harbour.yaml\n" in printed.out
    assert "+++ tests/scenarios/own/harbour_first_night.yaml\n" in printed.out
    assert "a dry run: nothing was written" in printed.err
    assert files(root) == before


def test_a_person_is_asked_for_what_no_option_says(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a terminal zone, phases, passes and calls are asked for, with a default where there is one."""
    answers = ["Asia/Tokyo", "a,b", "", "b"]
    with typed(monkeypatch, answers):
        assert init(root, "harbour") == 0
    policy = runtime.policy_in(root / "config" / "harbour.yaml")
    assert (policy.zone.key, [*policy.phases], [*policy.modes], [*policy.services]) == (
        "Asia/Tokyo",
        ["a", "b"],
        ["daily"],
        ["b"],
    )
    assert capsys.readouterr().out.split()[0] == "config/harbour.yaml"


def test_who_answers_no_question_has_written_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The end of input, or Ctrl-C, at a question ends the command as a shell knows it, without a trace back."""
    before = files(root)
    with typed(monkeypatch, ["Asia/Tokyo"]):
        assert init(root, "harbour") == 130
    assert capsys.readouterr().err.endswith("orch: stopped\n")
    assert files(root) == before


@contextmanager
def typed(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> Iterator[None]:
    """Let standard input be a terminal at which these lines are typed."""
    from io import StringIO

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{answer}\n" for answer in answers)))
    yield


@cache
def own_alone() -> Path:
    """Return a checkout that is only read."""
    return checkout(Path(mkdtemp(prefix="orch-test-")) / "root")


@settings(max_examples=25, deadline=None)
@given(
    phases=st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), min_size=2, max_size=6, unique=True),
    opens=st.times(),
    minutes=st.integers(min_value=25, max_value=24 * 60),
    zone=st.sampled_from(["Etc/UTC", "Asia/Kathmandu", "Pacific/Chatham", "America/New_York", "Africa/Casablanca"]),
    today=st.booleans(),
    data=st.data(),
)
def test_whatever_is_not_refused_fits(
    phases: list[str], opens: time, minutes: int, zone: str, today: bool, data: st.DataObject
) -> None:
    """Any names, times and zone that are taken make files that policy, checks, manifest and scenario format take."""
    called = data.draw(st.lists(st.sampled_from(phases[1:]), unique=True))
    due = (timedelta(hours=opens.hour, minutes=opens.minute + minutes)) % timedelta(days=1)
    mode = f"pass={opens:%H:%M}-{due.seconds // 3600:02}:{due.seconds // 60 % 60:02}"
    try:
        request = request_of("harbour", zone, ",".join(phases), [mode], called, today=today)
    except RequestError:
        assume(any(phase.startswith("goog") for phase in phases))
        return
    manifest = refuse_unfit(new_files(request, own_alone(), force=False), own_alone(), TODAY)
    assert [policy.pipeline for policy in manifest.others] == ["harbour"]
