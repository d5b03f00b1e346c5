"""What the daemon counts of itself, in Prometheus' text form (version 0.0.4)."""

from __future__ import annotations

import threading
import time
from collections import Counter

__all__ = ["Counters"]


class Counters:
    """Counts of requests, errors, clients and groups."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.began = time.monotonic()
        self.clients = 0
        self.pings = 0
        """Pings beyond the first of a client, which are answered without a method."""
        self.refused: Counter[str] = Counter()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._groups = self._records = 0
        self._seconds = 0.0
        self._mutex = threading.Lock()

    def count_request(self, method: str, code: str) -> None:
        """Count an answered request; ``code`` is empty where it succeeded."""
        with self._mutex:
            self._requests[method, code or "ok"] += 1

    @property
    def records(self) -> int:
        """How many records were acknowledged."""
        return self._records

    def count_group(self, records: int, seconds: float) -> None:
        """Count a transaction of so many records."""
        with self._mutex:
            self._groups += 1
            self._records += records
            self._seconds += seconds

    def write_text(self) -> str:
        """Return all counts in Prometheus' text form."""
        with self._mutex:
            requests = sorted((self._requests + Counter({("ping", "ok"): self.pings})).items())
            groups, records, seconds = self._groups, self._records, self._seconds
        lines = [*_head("requests_total", "counter", "Requests answered, by method and outcome.")]
        lines += [f'reprofp_requests_total{{method="{name}",code="{code}"}} {n}' for (name, code), n in requests]
        lines += _head("refused_total", "counter", "Connections that were refused or cut, by reason.")
        lines += [f'reprofp_refused_total{{reason="{reason}"}} {n}' for reason, n in sorted(self.refused.items())]
        single = (
            ("clients", "gauge", "Connections that are open.", self.clients),
            ("groups_total", "counter", "Transactions that were committed.", groups),
            ("records_total", "counter", "Records that were acknowledged.", records),
            ("commit_seconds_total", "counter", "Time spent in transactions.", f"{seconds:.6f}"),
            ("uptime_seconds", "gauge", "Time since the start.", f"{time.monotonic() - self.began:.3f}"),
        )
        for name, kind, purpose, value in single:
            lines += [*_head(name, kind, purpose), f"reprofp_{name} {value}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, purpose: str) -> list[str]:
    return [f"# HELP reprofp_{name} {purpose}", f"# TYPE reprofp_{name} {kind}"]
