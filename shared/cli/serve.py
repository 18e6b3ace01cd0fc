"""The verb that serves a function on this machine, for a person with a browser."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from shared import runtime
from shared.cli.shell import USAGE, fail

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
HERE = "127.0.0.1"


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(serve)


def serve(
    function: Annotated[
        str, typer.Argument(help="A folder in functions/; health_check has the page.")
    ] = "health_check",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free one.")] = 8080,
) -> None:
    """Serve one function on this machine, with the stores that the environment names, until Ctrl-C.

    Example: orch serve health_check --port 8080
    """
    names = sorted(folder.parent.name for folder in FUNCTIONS.glob("*/main.py"))
    if function not in names:
        raise fail(USAGE, f"no function {function!r}", f"one of {', '.join(names)}")
    _ = runtime.contexts()[0].ports.store  # an environment that names none is said now, not by the first answer
    listening = _listening(port)

    import functions_framework
    from werkzeug.serving import make_server

    source = str(FUNCTIONS / function / "main.py")
    application = functions_framework.create_app("main", source)  # type: ignore[no-untyped-call]  # it has no types
    with listening:
        at = listening.getsockname()[1]
        server = make_server(HERE, at, application, threaded=True, fd=listening.fileno())
        typer.echo(f"orch: {function} at http://{HERE}:{at}/ (Ctrl-C ends it)", err=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("orch: stopped", err=True)
        finally:
            server.server_close()


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HERE, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise fail(USAGE, f"cannot listen on {HERE}:{port}: {error.strerror}", "choose another: --port 0") from None
    return listener
