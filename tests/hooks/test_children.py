"""Processes that a hooked Python starts: each tells of itself, or is missed; what it sees and gives is as without."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

POOL = """
import multiprocessing, sys
def square(number):
    return number * number
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    # Both are there before one of them has done all: one that is stopped while it starts tells nothing.
    with context.Pool(2, context.Barrier(2).wait) as pool:
        print(pool.map(square, range(6)))
"""


def tell(reports):
    """Return role and end of each process, without what is left of those that never told."""
    return sorted((report.raw["role"], report.raw["exit"]) for report in reports if report.raw is not None)


@pytest.fixture
def script(tmp_path):
    def write(code):
        (tmp_path / "script.py").write_text(textwrap.dedent(code))
        return tmp_path / "script.py"

    return write


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_workers_of_a_pool_report_although_they_are_terminated(modern, method, hooked, script):
    ended = hooked(modern, "-W", "ignore", script(POOL), method)
    assert (ended.out, ended.err) == (b"[0, 1, 4, 9, 16, 25]\n", b"")
    workers = [report for report in ended.reports if report.raw and report.raw["role"] == "pool"]
    assert len(workers) == 2
    assert {report.raw["exit"] for report in workers} <= {"idle", "left", "normal"}
    assert all(report.raw["argv"][0] == str(script(POOL)) for report in workers)


def test_an_executor_reports(modern, hooked, script):
    code = """
        import concurrent.futures
        if __name__ == "__main__":
            with concurrent.futures.ProcessPoolExecutor(2) as pool:
                print(list(pool.map(abs, [-1, 2])))
    """
    ended = hooked(modern, "-W", "ignore", script(code))
    assert ended.out == b"[1, 2]\n"
    assert {role for role, _ in tell(ended.reports)} == {"program", "executor"}
    first = ended.reports[0].raw
    assert len(first["hooked"]) == sum(report.token != "" for report in ended.reports)


CHILDREN = {
    "subprocess.run([sys.executable, '-c', 'pass'])": ("program", "normal"),
    "subprocess.run([sys.executable, '-c', 'pass'], env={})": ("program", "normal"),
    "subprocess.run([sys.executable, '-c', 'pass'], close_fds=False)": ("program", "normal"),
    "subprocess.run(sys.executable + ' -V', shell=True, stdout=-3)": None,
    "subprocess.run(sys.executable + ' -m this', shell=True, stdout=-3)": ("program", "normal"),
    "subprocess.run(['env', 'A=1', sys.executable, '-m', 'this'], stdout=-3)": ("program", "normal"),
    "subprocess.run(['sh', '-c', sys.executable + ' -m this; true'], stdout=-3)": None,
    "subprocess.run([sys.executable, '-I', '-c', 'pass'])": None,
    "subprocess.run([sys.executable, '-c', 'import os; os.kill(os.getpid(), 9)'])": None,
    "os.waitpid(os.posix_spawn(sys.executable, ['python', '-c', 'pass'], os.environ), 0)": ("program", "normal"),
    "os.waitpid(os.spawnv(os.P_NOWAIT, sys.executable, ['python', '-c', 'pass']), 0)": ("program", "normal"),
    "os.system(sys.executable + ' -c pass')": None,
    "subprocess.run(['true'])": None,
    "os.fork() or os._exit(0); os.wait()": ("fork", "left"),
    "os.fork() or sys.exit(0); os.wait()": ("fork", "normal"),
    "os.fork() or os.kill(os.getpid(), 9); os.wait()": None,
    "os.fork() or __import__('posix')._exit(0); os.wait()": None,
}


@pytest.mark.parametrize("code", CHILDREN)
def test_a_child_reports_or_is_missed(code, hooked):
    ended = hooked(sys.executable, code=f"import os, subprocess, sys\n{code}")
    assert (ended.code, ended.err) == (0, b"")
    told = [item for item in tell(ended.reports[1:]) if item[1] != "exec"]
    assert told == ([CHILDREN[code]] if CHILDREN[code] else [])
    assert sum(ended.reports[0].raw["audit"]["subprocesses"].values()) == 1


SEEN = """
import os, sys
print(sorted(item for item in os.environ.items() if "REPROFP" in item[0] or item[0].startswith("PYTHON")))
print(list(os.environ), sys.path, os.environ == dict(os.environ))
print(sorted(name for name in sys.modules if "reprofp" in name or "sitecustom" in name))
"""


@pytest.mark.parametrize("path", [None, "", "/nonesuch", "/nonesuch:/other"])
@pytest.mark.parametrize("options", ["", ", env={'A': '1', 'PYTHONPATH': '/mine', 'B': '2'}", ", env={'A': '1'}"])
def test_a_child_sees_the_world_that_it_would_see_without(path, options, hooked, tmp_path):
    (tmp_path / "child.py").write_text(SEEN)
    code = f"import subprocess, sys; subprocess.run([sys.executable, 'child.py']{options})"
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **({} if path is None else {"PYTHONPATH": path})}
    bare = subprocess.run([sys.executable, "-c", code], check=False, env=env, capture_output=True, cwd=tmp_path)
    ended = hooked(sys.executable, code=code, env=env)
    assert (ended.code, ended.out, ended.err) == (bare.returncode, bare.stdout, bare.stderr)
    assert len(tell(ended.reports)) == 2


def test_a_program_that_is_no_python_sees_nothing(hooked):
    ended = hooked(
        sys.executable, code="import subprocess; subprocess.run(['env']); subprocess.run(['sh', '-c', 'env'])"
    )
    assert b"REPROFP" not in ended.out
    assert b"PYTHONPATH" not in ended.out


def test_a_process_that_becomes_another_python_reports_as_both(modern, hooked, script):
    code = """
        import os, sys
        if len(sys.argv) == 1:
            open("before.txt", "w").close()
            os.execv(sys.executable, [sys.executable, *sys.argv, "again"])
    """
    ended = hooked(modern, script(code))
    first, second = ended.reports
    assert first.pid == second.pid
    assert [report.raw["exit"] for report in ended.reports] == ["exec", "normal"]
    assert second.token == f"{first.name}_1"


def test_an_exec_that_fails_changes_nothing(hooked, tmp_path):
    (tmp_path / "broken").write_bytes(b"\x7fELF")
    (tmp_path / "broken").chmod(0o755)
    code = """
        import os
        for path in ("./nonesuch", "./broken"):
            try: os.execv(path, ["x"])
            except OSError as error: print(error.errno)
    """
    ended = hooked(sys.executable, code=textwrap.dedent(code))
    assert (ended.out, ended.raw["exit"]) == (b"2\n8\n", "normal")
    assert ended.raw["hooked"] == []


def test_a_fork_tells_what_it_did_itself(hooked, tmp_path):
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    code = """
        import os, secrets
        open("one").close(); os.urandom(1)
        if not os.fork():
            open("two").close(); secrets.token_bytes(1); secrets.token_bytes(1)
            os._exit(0)
        os.wait()
    """
    ended = hooked(sys.executable, code=textwrap.dedent(code))
    opened = [[os.path.basename(item[0]) for item in report.raw["audit"]["opens"]] for report in ended.reports]
    assert opened == [["one"], ["two"]]
    assert [report.raw["entropy"] for report in ended.reports] == [
        [{"module": "__main__", "count": 1}],
        [{"module": "__main__", "count": 2}],
    ]


def test_a_process_that_is_busy_is_ended_as_it_would_be(hooked, script):
    code = """
        import multiprocessing, time
        def wait(): time.sleep(60)
        if __name__ == "__main__":
            process = multiprocessing.get_context("fork").Process(target=wait)
            process.start(); time.sleep(0.2); process.terminate(); process.join(); print(process.exitcode)
    """
    ended = hooked(sys.executable, script(code))
    assert ended.out == f"{-signal.SIGTERM}\n".encode()
    assert tell(ended.reports) == [("program", "normal")]


def test_a_handler_of_the_programs_own_stays(hooked):
    code = """
        import os, signal
        signal.signal(57, lambda *_: print("mine", flush=True))
        if not os.fork():
            os.kill(os.getpid(), 57)
            os._exit(0)
        os.wait()
    """
    assert hooked(sys.executable, code=textwrap.dedent(code)).out == b"mine\n"


def test_a_function_that_runs_before_a_program_is_no_process_of_its_own(hooked):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'pass'], preexec_fn=lambda: None)"
    ended = hooked(sys.executable, code=code)
    assert [report.raw["exit"] for report in ended.reports] == ["normal", "normal"]
    assert len(ended.reports[0].raw["hooked"]) == 1


def test_what_starts_programs_looks_as_it_did(hooked):
    code = """
        import os, pickle
        for name in ("execv", "execve", "posix_spawn", "_exit"):
            function = getattr(os, name)
            print(function.__name__, bool(function.__doc__), callable(function))
        class Own: run = os._exit
        try: Own().run()
        except TypeError: print("no method")
    """
    ended = hooked(sys.executable, code=textwrap.dedent(code))
    assert ended.out.count(b"True True") == 4
    assert ended.out.endswith(b"no method\n")


def test_many_alike_share_what_they_tell(hooked):
    code = """
        import os
        for number in range(40):
            if not os.fork(): os._exit(0)
            os.wait()
    """
    ended = hooked(sys.executable, code=textwrap.dedent(code))
    assert len(ended.reports) == 41
    assert all(report.raw["modules"] for report in ended.reports)
