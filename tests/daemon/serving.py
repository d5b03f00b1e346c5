"""A daemon in a process of its own, for tests."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from reprofp.client import Client

MAIN = "import sys; from reprofp.cli.main import main; sys.exit(main())"


class Daemon:
    def __init__(self, home, *words, env=None, prefix=()):
        # Under /tmp by name: pytest's own folders may be longer than a socket's path can be.
        self._folder = tempfile.TemporaryDirectory(prefix="reprofp-test-")
        self.socket = Path(self._folder.name, "s", "socket")
        self.home = home
        self._words = words
        self._env = {**os.environ, "REPROFP_HOME": str(home), **(env or {})}
        self._prefix = prefix
        self.process = None
        self.err = ""

    def start(self):
        words = ["daemon", "--socket", str(self.socket), *self._words]
        self.process = subprocess.Popen(
            [*self._prefix, sys.executable, "-c", MAIN, *words],
            stderr=subprocess.PIPE,
            text=True,
            env=self._env,
            cwd=self._folder.name,
        )
        line = self.process.stderr.readline()
        while line and "event=ready" not in line:
            self.err += line
            line = self.process.stderr.readline()
        assert line, self.err
        return self

    def connect(self):
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(30)
        raw.connect(str(self.socket))
        return raw

    def client(self, deadline_s=60):
        return Client(str(self.socket), deadline_s=deadline_s)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        if not self.process.stderr.closed:
            self.err += self.process.stderr.read()
            self.process.stderr.close()
        return self.process.wait(60)

    def close(self):
        if self.process is not None:
            self.stop(signal.SIGKILL)
        self._folder.cleanup()


@contextmanager
def serving(home, *words, **options):
    daemon = Daemon(home, *words, **options)
    try:
        yield daemon.start()
    finally:
        daemon.close()


def wait_for(condition, seconds=30):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)
