"""What is asked of a deployed function, by the real curl, of a server that answers as it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.ready import HEALTH, PROBE, Question, token_line
from deploy.resource import Difference
from deploy.runner import Subprocess
from tests.deploy.world import PLACE, manifest
from tests.local_server import LocalServer, ServerAnswer, closed_port

DIGEST = "a" * 40


def differences(folder: Path, question: Question) -> list[Difference]:
    return question.judged(Subprocess(folder)(question.line("t0ken")))


def says(digest: str) -> ServerAnswer:
    return ServerAnswer(body=json.dumps({"service": "self_heal", "source_digest": digest}).encode())


def test_health_is_asked_with_the_token_of_the_caller(tmp_path: Path) -> None:
    """One GET with the token in a header; an answer with the digest that was deployed is as it should be."""
    with LocalServer(says(DIGEST)) as server:
        assert differences(tmp_path, Question(HEALTH, server.url, DIGEST)) == []
    assert [(request.method, request.path, request.headers["Authorization"]) for request in server.asked] == [
        ("GET", "/health", "Bearer t0ken")
    ]


def test_a_probe_is_posted_as_json(tmp_path: Path) -> None:
    """A message without data arrives as Pub/Sub would push it."""
    declared = manifest().functions["self_heal"].ready
    assert declared is not None
    with LocalServer() as server:
        assert differences(tmp_path, Question(declared, server.url)) == []
        assert (server.asked[0].method, server.asked[0].json) == ("POST", {"dry_run": True})
        assert server.asked[0].headers["Content-Type"] == "application/json"
    assert "data" not in PROBE["message"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (says("b" * 40), "digest it answers: wanted aaaa"),
        (says(""), f"digest it answers: wanted {DIGEST}, found none"),
        (ServerAnswer(body=b"OK"), f"digest it answers: wanted {DIGEST}, found none"),
        (ServerAnswer(body=b"[1]"), f"digest it answers: wanted {DIGEST}, found none"),
        (ServerAnswer(500, b"boom\nat line 3"), "/health: wanted 200, found 500 boom at line 3"),
        (ServerAnswer(403), "/health: wanted 200, found 403"),
        (ServerAnswer(302, headers={"Location": "/elsewhere"}), "/health: wanted 200, found 302"),
        (ServerAnswer(drop=True), "curl: ("),
    ],
)
def test_whatever_else_is_answered_is_a_difference(tmp_path: Path, answer: ServerAnswer, text: str) -> None:
    """Other code, no digest, an error, a redirection, no answer at all: each in words."""
    with LocalServer(answer) as server:
        findings = differences(tmp_path, Question(HEALTH, server.url, DIGEST))
    assert [text in str(difference) for difference in findings] == [True], findings


def test_nobody_there_is_a_difference(tmp_path: Path) -> None:
    """curl's own words are kept."""
    findings = differences(tmp_path, Question(HEALTH, f"http://127.0.0.1:{closed_port()}", DIGEST))
    assert [difference.found.startswith("curl: (7)") for difference in findings] == [True]


def test_only_the_token_is_asked_for() -> None:
    """gcloud would print an access token beside it, and more than a token if it were not told which."""
    line = token_line(PLACE, "orch-push", PLACE.url("nba-self-heal"))
    assert line.words[-1] == "--format=json(id_token)"
    assert line.flags["audiences"] == "https://nba-self-heal-123456789012.us-west2.run.app"
    assert line.flags["impersonate-service-account"] == "orch-push@demo-orch.iam.gserviceaccount.com"
