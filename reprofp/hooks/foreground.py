"""Runs a command in the foreground as if there were no one in between, and waits for it.

In: an argument list and an environment. Out: the command's wait status. Guaranteed: the command has the
terminal, the standard streams and all other inherited descriptors, the signal mask and dispositions that
it would have had; every signal that was meant for it reaches it, and what the terminal sends to the
whole process group reaches it once. The wrapper stops when the command was stopped by job control, and
goes on with it.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from reprofp.errors import ReprofpError
from reprofp.hooks.spawning import spawn

__all__ = ["NotStartedError", "find_program", "run_in_foreground"]

_STOPS = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
_ENDS = frozenset(
    {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM}
    | {signal.Signals(number) for number in (signal.SIGPWR, signal.SIGIO, signal.SIGXCPU, signal.SIGVTALRM)}
)
_FORWARDED = _ENDS | _STOPS | {signal.SIGCONT, signal.SIGWINCH}
_WATCHED = _FORWARDED | {signal.SIGCHLD}
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_SHELL = "/bin/sh"
_POLL_SECONDS = 0.1
_LOOK_SECONDS = 1.0


class NotStartedError(ReprofpError):
    """The command was not started; ``exit_code`` is what env(1) gives: 127 not found, 126 found, 125 before that."""

    def __init__(self, message: str, exit_code: int = 125) -> None:
        """Say why, and with which code to exit."""
        super().__init__(message)
        self.exit_code = exit_code


def find_program(name: str, environ: Mapping[str, str]) -> str:
    """Return the path of the program that ``name`` stands for.

    Raises:
        NotStartedError: there is none (127), or none that may be executed (126).
    """
    folders = [""] if "/" in name else environ.get("PATH", os.defpath).split(os.pathsep)
    found = (
        [path for path in (os.path.join(folder, name) for folder in folders) if os.path.exists(path)] if name else []
    )
    for path in found:
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    if found:
        raise NotStartedError(f"cannot run {found[0]}: it may not be executed; check its permissions", 126)
    where = "at that path" if "/" in name else "on PATH"
    raise NotStartedError(f"cannot run {name!r}: there is no such command {where}", 127)


def run_in_foreground(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run ``argv`` and return its wait status, as os.waitpid gives it.

    Raises:
        NotStartedError: it cannot be executed.
        KeyboardInterrupt: the user interrupted before it was started.
    """
    with _signals_blocked() as (mask, strays):
        if signal.SIGINT in signal.sigpending():
            raise KeyboardInterrupt
        return _Supervisor(_spawn(argv, environ, mask), strays).wait()


@contextmanager
def _signals_blocked() -> Iterator[tuple[set[signal.Signals | int], list[int]]]:
    """Have this thread take signals one by one; give the mask that was there, and what other threads took.

    A thread that a hung probe left behind would take a signal with its default action and end the
    process, so that action is replaced as well. What was ignored stays ignored, for the command's sake.
    """
    strays: list[int] = []

    def keep(number: int, _: FrameType | None) -> None:
        strays.append(number)

    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    in_main = threading.current_thread() is threading.main_thread()
    replaced = {number: signal.getsignal(number) for number in _ENDS} if in_main else {}
    replaced = {number: handler for number, handler in replaced.items() if handler not in {signal.SIG_IGN, None}}
    for number in replaced:
        signal.signal(number, keep)
    try:
        yield mask, strays
    finally:
        while signal.sigtimedwait(_WATCHED, 0):
            pass  # it was meant for the command, which has ended
        for number, handler in replaced.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _spawn(argv: Sequence[str], environ: Mapping[str, str], mask: set[signal.Signals | int]) -> int:
    program = find_program(argv[0], environ)
    defaults = [number for number in _IGNORED_BY_PYTHON if signal.getsignal(number) == signal.SIG_IGN]
    try:
        try:
            return spawn(program, argv, environ, mask, defaults)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # As execvp(3) does with a script that does not name its interpreter.
            return spawn(_SHELL, [_SHELL, program, *argv[1:]], environ, mask, defaults)
    except ValueError as error:
        raise NotStartedError(f"cannot run {program}: {error} in its arguments or its environment") from error
    except OSError as error:
        code = 127 if error.errno == errno.ENOENT else 126
        raise NotStartedError(f"cannot run {program}: {error.strerror}", code) from error


class _Supervisor:
    """Waits for the command, hands signals on, and stops and goes on with it."""

    def __init__(self, child: int, strays: list[int]) -> None:
        self._child, self._strays = child, strays
        self._asked_to_stop: int | None = None
        self._child_stopped = self._resumed = False

    def wait(self) -> int:
        while True:
            info = self._take_signal()
            if info is not None and info.si_signo != signal.SIGCHLD:
                self._hand_on(info)
            while self._strays:
                self._send(self._strays.pop())
            status = self._look_at_child()
            if status is not None:
                return status
            if self._asked_to_stop is not None and self._child_stopped:
                self._stop_too(self._asked_to_stop)

    def _take_signal(self) -> signal.struct_siginfo | None:
        """Wait for the next signal, and look up now and then: a thread that is ending may have taken one."""
        return signal.sigtimedwait(_WATCHED, _LOOK_SECONDS if _is_alone() else _POLL_SECONDS)

    def _look_at_child(self) -> int | None:
        """Return the status of a command that has ended; note one that stopped or goes on."""
        while True:
            pid, status = os.waitpid(self._child, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                return None
            if os.WIFSTOPPED(status):
                self._child_stopped = True
            elif os.WIFCONTINUED(status):
                self._child_stopped = False
            else:
                return status

    def _hand_on(self, info: signal.struct_siginfo) -> None:
        """Hand a signal on, unless the command has it already.

        The kernel sends a terminal's signals to the whole foreground group, and what the command's own
        processes send to their group reaches it as well.
        """
        if info.si_signo in _STOPS:
            self._asked_to_stop = info.si_signo
        if info.si_code > 0 or _descends_from(info.si_pid, self._child):
            return
        if info.si_signo == signal.SIGCONT and self._resumed:
            self._resumed = False
            if not self._child_stopped:
                return
        self._send(info.si_signo)

    def _send(self, number: int) -> None:
        os.kill(self._child, number)  # not reaped yet, so the number is still its own

    def _stop_too(self, number: int) -> None:
        """Stop as the command did, so that the shell sees the job stopped; return when it goes on."""
        self._asked_to_stop, self._resumed = None, True
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})


def _is_alone() -> bool:
    """Whether this thread is the process's only one; native code's threads count, which Python does not know."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _descends_from(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            with open(f"/proc/{pid}/stat", "rb") as stream:
                pid = int(stream.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            return False
    return False
