import os
import pty
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from reprofp.hooks.foreground import NotStartedError, find_program, run_in_foreground

WRAPPER = [
    sys.executable,
    "-c",
    textwrap.dedent("""
        import os, sys
        from reprofp.hooks.foreground import NotStartedError, run_in_foreground
        try:
            status = run_in_foreground(sys.argv[1:], dict(os.environ))
        except NotStartedError as error:
            sys.exit(error.exit_code)
        code = os.waitstatus_to_exitcode(status)
        sys.exit(code if code >= 0 else 128 - code)
    """),
]


def wait_for(condition, seconds=20.0):
    """Return the first true value of ``condition``; the time is a limit, not an expectation."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError("it did not come about")


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def start(tmp_path, code, **options):
    """Start a Python program under the wrapper; return the wrapper and a file that it writes lines to."""
    log = tmp_path / "log"
    setup = f"import os, signal, sys, time\ndef log(*x):\n with open({str(log)!r}, 'a') as f: print(*x, file=f)\n"
    process = subprocess.Popen([*WRAPPER, sys.executable, "-c", setup + textwrap.dedent(code)], **options)
    return process, lambda: log.read_text().splitlines() if log.exists() else []


LOOP = "log(os.getpid())\nwhile True: time.sleep(0.01)"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -9 $$"], 137),
        (["sh", "-c", "kill -SEGV $$"], 139),
        (["nonesuch-command"], 127),
        (["/nonesuch/command"], 127),
        (["/etc/passwd"], 126),
        (["/"], 126),
        ([""], 127),
    ],
)
def test_exit_codes_are_those_of_env(argv, code):
    assert subprocess.run([*WRAPPER, *argv], check=False).returncode == code
    if code < 128:
        assert subprocess.run(["env", *argv], check=False, stderr=subprocess.DEVNULL).returncode == code


def test_a_script_without_interpreter_line_is_run_by_the_shell(tmp_path):
    script = tmp_path / "script"
    script.write_text("echo $1\n")
    script.chmod(0o755)
    assert subprocess.run([*WRAPPER, script, "word"], check=True, capture_output=True).stdout == b"word\n"


def test_an_interpreter_that_is_not_there_is_not_found(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/nonesuch/python\n")
    script.chmod(0o755)
    assert subprocess.run([*WRAPPER, script], check=False).returncode == 127


def test_path_is_searched_in_order(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tool").write_text("")
    (tmp_path / "b" / "tool").chmod(0o755)
    environ = {"PATH": f"{tmp_path}/a:{tmp_path}/b"}
    assert find_program("tool", environ) == f"{tmp_path}/b/tool"
    with pytest.raises(NotStartedError, match="may not be executed"):
        find_program("tool", {"PATH": f"{tmp_path}/a"})


LOOK = """
import os, signal, sys
print(sorted(os.listdir("/proc/self/fd")), os.getpgrp() == os.getpgid(os.getppid()), os.getsid(0) == os.getsid(os.getppid()))
print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
masks = {name: int(value, 16) for name, _, value in (line.partition(":") for line in open("/proc/self/status")) if name in ("SigIgn", "SigBlk", "SigCgt")}
print(masks)
print(sorted(os.environ))
"""


def test_descriptors_mask_and_dispositions_are_those_of_a_bare_run(tmp_path):
    (tmp_path / "look.py").write_text(LOOK)
    read, write = os.pipe()
    ignore = lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # noqa: E731
    options = {"pass_fds": [write], "capture_output": True, "preexec_fn": ignore}
    bare = subprocess.run([sys.executable, tmp_path / "look.py"], check=True, **options)
    wrapped = subprocess.run([*WRAPPER, sys.executable, tmp_path / "look.py"], check=True, **options)
    os.close(read)
    os.close(write)
    assert wrapped.stdout == bare.stdout


def read_dispositions(*launcher):
    look = ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"]
    return subprocess.run([*launcher, *look], check=True, capture_output=True, text=True).stdout


def test_the_signals_that_the_c_library_keeps_are_those_of_a_shells_child():
    bare, wrapped = read_dispositions("sh", "-c", '"$@"; exit $?', "sh"), read_dispositions(*WRAPPER)
    assert wrapped == bare


def test_a_signal_of_the_c_library_that_was_ignored_before_stays_so():
    # Python's own posix_spawn leaves them ignored.
    spawn = "import os, sys; os.waitpid(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)"
    ignored = int(read_dispositions(sys.executable, "-c", spawn, *WRAPPER).rpartition(":")[2], 16)
    assert ignored >> 31 & 3 == 3


def test_an_argument_that_no_program_can_be_given_is_an_error_before_the_start():
    with pytest.raises(NotStartedError, match="null") as caught:
        run_in_foreground(["true", "a\0b"], {"PATH": os.environ["PATH"]})
    assert caught.value.exit_code == 125


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_to_the_wrapper_reaches_the_command_once(tmp_path, number):
    code = f"signal.signal({int(number)}, lambda n, f: log('got', n))\n{LOOP}"
    process, lines = start(tmp_path, code)
    child = int(wait_for(lines)[0])
    os.kill(process.pid, number)
    wait_for(lambda: len(lines()) > 1)
    os.kill(child, signal.SIGKILL)
    assert process.wait() == 137
    assert lines()[1:] == [f"got {int(number)}"]


def test_a_signal_that_ends_the_command_is_told_by_the_exit_code(tmp_path):
    process, lines = start(tmp_path, LOOP)
    wait_for(lines)
    process.terminate()
    assert process.wait() == 128 + signal.SIGTERM


def test_a_signal_of_the_command_to_its_own_group_reaches_it_once(tmp_path):
    code = """
        signal.signal(signal.SIGTERM, lambda n, f: log('got'))
        os.kill(0, signal.SIGTERM)
        time.sleep(0.2)
        sys.exit(5)
    """
    process, lines = start(tmp_path, code, start_new_session=True)
    assert process.wait() == 5
    assert lines() == ["got"]


def test_sigcont_reaches_a_stopped_command(tmp_path):
    process, lines = start(tmp_path, LOOP)
    child = int(wait_for(lines)[0])
    os.kill(child, signal.SIGSTOP)
    wait_for(lambda: state_of(child) == "T")
    assert state_of(process.pid) != "T", "a stop that nobody asked the job for is the command's alone"
    os.kill(process.pid, signal.SIGCONT)
    wait_for(lambda: state_of(child) != "T")
    process.terminate()
    assert process.wait() == 143


class Terminal:
    """A shell's view of a terminal: the wrapper leads the foreground group of a session on a pty."""

    def __init__(self, tmp_path, code):
        self.log = tmp_path / "log"
        setup = (
            f"import os, signal, sys, time\ndef log(*x):\n with open({str(self.log)!r}, 'a') as f: print(*x, file=f)\n"
        )
        argv = [*WRAPPER, sys.executable, "-c", setup + textwrap.dedent(code)]
        # A shell stands between, so that the group of the wrapper is not orphaned and can be stopped.
        shell = textwrap.dedent(f"""
            import os, signal, sys
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            pid = os.fork()
            if not pid:
                os.setpgid(0, 0)
                os.tcsetpgrp(0, os.getpid())
                signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                os.execv({argv[0]!r}, {argv!r})
            while True:
                _, status = os.waitpid(pid, os.WUNTRACED)
                if os.WIFSTOPPED(status):
                    with open({str(self.log)!r}, 'a') as f: print('stopped', os.WSTOPSIG(status), file=f)
                    signal.signal(signal.SIGUSR1, lambda *_: None)
                    signal.pause()
                    with open({str(self.log)!r}, 'a') as f: print('fg', file=f)
                    os.killpg(pid, signal.SIGCONT)
                else:
                    os._exit(os.waitstatus_to_exitcode(status) % 256)
        """)
        self.shell, self.master = pty.fork()
        if not self.shell:
            os.execv(sys.executable, [sys.executable, "-c", shell])

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def type(self, keys):
        os.write(self.master, keys)

    def read(self):
        data = b""
        try:
            while part := os.read(self.master, 4096):
                data += part
        except OSError:
            pass
        return data

    def end(self):
        _, status = os.waitpid(self.shell, 0)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)


def test_ctrl_c_reaches_the_command_once(tmp_path):
    code = """
        signal.signal(signal.SIGINT, lambda n, f: log('got'))
        log('ready')
        while True:
            time.sleep(0.01)
            if 'got' in open(%r).read():
                time.sleep(0.2)
                sys.exit(9)
    """
    terminal = Terminal(tmp_path, code % str(tmp_path / "log"))
    wait_for(lambda: "ready" in terminal.lines())
    terminal.type(b"\x03")
    assert terminal.end() == 9
    assert terminal.lines() == ["ready", "got"]


def test_ctrl_c_ends_a_command_that_does_not_catch_it(tmp_path):
    terminal = Terminal(
        tmp_path, "log('ready')\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nlog('set')\ntime.sleep(60)"
    )
    wait_for(lambda: "set" in terminal.lines())
    terminal.type(b"\x03")
    assert terminal.end() == 130


def test_ctrl_z_stops_the_job_and_fg_goes_on_with_it(tmp_path):
    code = """
        log('ready')
        while 'fg' not in open(%r).read(): time.sleep(0.01)
        sys.exit(4)
    """
    terminal = Terminal(tmp_path, code % str(tmp_path / "log"))
    wait_for(lambda: "ready" in terminal.lines())
    terminal.type(b"\x1a")
    wait_for(lambda: f"stopped {int(signal.SIGTSTP)}" in terminal.lines())
    os.kill(terminal.shell, signal.SIGUSR1)
    assert terminal.end() == 4


def test_the_terminal_is_left_alone(tmp_path):
    code = """
        import termios
        print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), os.tcgetpgrp(0) == os.getpgrp())
        print(input() + '!', flush=True)
        log('end')
    """
    terminal = Terminal(tmp_path, code)
    terminal.type(b"typed\n")
    wait_for(lambda: "end" in terminal.lines())
    out = terminal.read()
    assert terminal.end() == 0
    assert b"True True True True" in out
    assert b"typed!" in out


def test_output_is_the_same_bytes(tmp_path):
    code = "import os; os.write(1, bytes(range(256)) * 99); os.write(2, b'err'); print(open(0, 'rb').read())"
    options = {"input": b"in\x00put", "capture_output": True}
    bare = subprocess.run([sys.executable, "-c", code], check=True, **options)
    wrapped = subprocess.run([*WRAPPER, sys.executable, "-c", code], check=True, **options)
    assert (wrapped.stdout, wrapped.stderr) == (bare.stdout, bare.stderr)


def test_an_interrupt_before_the_start_starts_nothing(tmp_path):
    code = f"""
        import os, signal, sys
        from reprofp.hooks.foreground import run_in_foreground
        signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGINT}})
        os.kill(os.getpid(), signal.SIGINT)
        try:
            run_in_foreground(["touch", {str(tmp_path / "started")!r}], dict(os.environ))
        except KeyboardInterrupt:
            print("interrupted")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True)
    assert done.stdout == b"interrupted\n"
    assert not (tmp_path / "started").exists()


def test_handlers_and_mask_are_as_before_afterwards():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, []), [signal.getsignal(number) for number in range(1, 32)]
    assert run_in_foreground(["true"], dict(os.environ)) == 0
    assert before == (
        signal.pthread_sigmask(signal.SIG_BLOCK, []),
        [signal.getsignal(number) for number in range(1, 32)],
    )


def test_a_thread_that_was_left_behind_does_not_swallow_signals(tmp_path):
    left_behind = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    wrapper = [*WRAPPER[:2], left_behind + WRAPPER[2]]
    log = tmp_path / "log"
    code = f"import signal, time\nsignal.signal(10, lambda n, f: open({str(log)!r}, 'a').write('got'))\n"
    code += f"open({str(log)!r}, 'a').write('ready')\nwhile 'got' not in open({str(log)!r}).read(): time.sleep(0.01)"
    process = subprocess.Popen([*wrapper, sys.executable, "-c", code])
    wait_for(lambda: log.exists() and "ready" in log.read_text())
    process.send_signal(signal.SIGUSR1)
    assert process.wait() == 0
