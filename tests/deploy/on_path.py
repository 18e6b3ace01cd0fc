"""gcloud, bq and curl as programs on PATH, each a process of its own that asks a stand-in in this one."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread

from deploy.command_line import CommandLine
from tests.deploy.standin import Cloud

PROGRAMS = ("gcloud", "bq", "curl")
# The interpreter's path may hold a space, which the first line of a script cannot.
SCRIPT = """#!/bin/sh
exec {python} -I -S -X utf8 "$0.py" "$@"
"""
# A deployment makes over a thousand calls: it imports only what is built into the interpreter.
CLIENT = """import _socket, sys
connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
connection.connect(("127.0.0.1", {port}))
given = sys.stdin.read() if {name!r} == "curl" else ""
talk = open(connection.detach(), "r+b", buffering=0)
talk.write("\\0".join([{name!r}, *sys.argv[1:], given, ""]).encode() + b"\\n")
status, out, err = talk.read().decode().split("\\0")
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(int(status))
"""
END = b"\0\n"


@contextmanager
def on_path(folder: Path, cloud: Cloud) -> Iterator[None]:
    """Let programs in a folder be answered by a stand-in, one call after the other."""
    lock = Lock()

    class Answer(StreamRequestHandler):
        def handle(self) -> None:
            asked = b""
            while not asked.endswith(END):
                asked += self.rfile.readline()
            *words, given = asked[: -len(END)].decode().split("\0")
            with lock:
                answer = cloud(CommandLine(tuple(words), given))
            self.wfile.write(f"{answer.status}\0{answer.out}\0{answer.err}".encode())

    with ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        folder.mkdir()
        for name in PROGRAMS:
            script = folder / name
            script.write_text(SCRIPT.format(python=shlex.quote(sys.executable)))
            script.chmod(0o755)
            script.with_suffix(".py").write_text(CLIENT.format(name=name, port=server.server_address[1]))
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
