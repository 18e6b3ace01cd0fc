"""What every service answers of itself: `/health` with its identity, `/health/ready`; nothing at `/ready`."""

from __future__ import annotations

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from tests.services.surroundings import Surroundings


def service(name: str, identity: str, around: Surroundings) -> Flask:
    """Return an app that answers for its health and lets a test replace the answer of any path."""
    app = Flask(name)

    @app.before_request
    def replaced() -> ResponseReturnValue | None:
        from flask import request

        answer = around.instead(request.path)
        return None if answer is None else (jsonify(answer[1]), answer[0])

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return jsonify({"status": "healthy", "service": identity})

    @app.get("/health/ready")
    def ready() -> ResponseReturnValue:
        return jsonify({"status": "ready"})

    return app
