"""Runs of several processes, as records: what is alike is merged, what was not seen lowers what is promised."""

import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.hooks.families import group_reports, settle_starts
from reprofp.hooks.merging import merge_reports
from reprofp.hooks.reports import Report
from reprofp.hooks.run import RunOptions, run_command
from reprofp.model.observations import ABSENT, Observed
from reprofp.verdict import Level, compare


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)

    def start(code, *args):
        (tmp_path / "train.py").write_text(textwrap.dedent(code))
        record, status = run_command([sys.executable, "train.py", *args], RunOptions(numerics=False))
        assert status == 0
        return record

    return start


def promise(a, b):
    verdict = compare(a, b)
    return verdict.overall.promised, [".".join(reason.path) for reason in verdict.reasons]


POOL = """
import multiprocessing, random, sys
def work(seed):
    return {body}
if __name__ == "__main__":
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        pool.map(work, range(8))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_seeded_pool_is_promised(run, method):
    code = POOL.format(body="random.Random(seed).random()", method=method)
    a, b = run(code), run(code)
    assert promise(a, b)[0] is Level.BITWISE
    assert a.fingerprint == b.fingerprint
    assert [process.role for process in a.processes] == ["train.py/0/0", "train.py+pool/0/0"]
    assert a.processes[1].snapshot.look_up(("usage", "alike")) == Observed(2)
    assert a.look_up(("usage", "processes", "fork")) == ABSENT


def test_a_pool_that_draws_is_not(run):
    code = POOL.format(body="random.random()", method="fork")
    a, b = run(code), run(code)
    assert promise(a, b)[0] < Level.BITWISE
    assert a.fingerprint != b.fingerprint


START = "import os, subprocess, sys\n"
SEEN = {
    "subprocess.run([sys.executable, '-c', 'pass'])": True,
    "[subprocess.run([sys.executable, '-c', 'pass', str(n)]) for n in range(3)]": True,
    "subprocess.run(['uname'], stdout=-3)": True,
    "os.fork() or os._exit(0); os.wait()": True,
    "os.environ.get('AGAIN') or os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, 'AGAIN': '1'})": True,
    "os._exit(0)": True,
    "subprocess.run([sys.executable, '-c', 'import secrets; secrets.token_bytes(1)'])": False,
    "subprocess.run([sys.executable, '-c', 'pass'], env={})": False,  # its hash seed is another one each time
    "subprocess.run([sys.executable, '-c', 'import time; print(time.time())'], stdout=-3)": False,
    "subprocess.run([sys.executable, '-I', '-c', 'pass'])": False,
    "subprocess.run([sys.executable, '-c', 'import os; os.kill(os.getpid(), 9)'])": False,
    "subprocess.run(['awk', 'BEGIN{}'])": False,
    "os.system('true; true')": False,
    "os.execv('/bin/sh', ['sh', '-c', 'true; true'])": False,
    "os.fork() or __import__('posix')._exit(0); os.wait()": False,
    "a, b = (subprocess.Popen([sys.executable, '-c', 'pass']) for _ in range(2)); a.wait(); b.wait()": False,
}


@pytest.mark.parametrize("code", SEEN)
def test_only_what_was_seen_is_promised(run, code):
    promised, reasons = promise(run(START + code), run(START + code))
    assert (promised is Level.BITWISE) == SEEN[code], reasons


def test_a_pool_that_shares_a_queue_is_not(run):
    code = """
        import multiprocessing
        def begin(shared):
            global queue
            queue = shared
        def work(number): queue.put(number)
        if __name__ == "__main__":
            shared = multiprocessing.Queue()
            with multiprocessing.get_context("fork").Pool(2, begin, (shared,)) as pool:
                pool.map(work, range(4))
            print([shared.get() for _ in range(4)])
    """
    promised, reasons = promise(run(code), run(code))
    assert promised < Level.BITWISE
    assert "usage.calls.exchange" in reasons


def test_an_executor_of_another_start_method_is_promised(run):
    code = """
        import concurrent.futures, multiprocessing
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                print(list(pool.map(abs, [-1, 2])))
    """
    a, b = run(code), run(code)
    assert promise(a, b) == (Level.BITWISE, [])
    assert a.look_up(("usage", "processes")) == ABSENT


CHANGES = {
    "another number": ("3", "2"),
    "other arguments": ("['a', 'b']", "['a', 'c']"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_children_that_differ_are_told(run, change):
    code = START + "for n in {}: subprocess.run([sys.executable, '-c', 'pass', str(n)])"
    values = [f"range({value})" if value.isdigit() else value for value in CHANGES[change]]
    assert promise(*(run(code.format(value)) for value in values))[0] < Level.BITWISE


def test_pieces_that_are_combined_otherwise_differ(run, tmp_path):
    (tmp_path / "child.py").write_text("import sys; open(sys.argv[1]).read()")
    for name in "ab":
        (tmp_path / name).write_text(name)
    code = START + "for n, m in {}: subprocess.run([sys.executable, 'child.py', n, m])"
    a, b = (run(code.format(pairs)) for pairs in (["a1", "b2"], ["a2", "b1"]))
    tasks = [record.processes[1].snapshot.look_up(("config", "$tasks")) for record in (a, b)]
    assert tasks[0] != tasks[1]


def test_more_kinds_than_are_kept_leave_the_rest_unknown(run):
    code = START + "for n in range(40): subprocess.run([sys.executable, '-c', f'import sys; sys.argv[0] = \"{n}\"'])"
    record = run(code)
    assert sum(process.snapshot is not None for process in record.processes) == 33
    assert sum(process.snapshot is None for process in record.processes) == 8
    assert record.look_up(("usage", "processes", "python3")) == Observed(8) or sys.executable[-7:] != "python3"


# --- merging -------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
REPORTS = st.fixed_dictionaries(
    {
        "orig_argv": st.lists(NAMES, max_size=2).map(lambda words: ["python", "x.py", *words]),
        "argv": st.just(["x.py"]),
        "role": st.sampled_from(["pool", "program"]),
        "modules": st.dictionaries(NAMES, st.just("/x")),
        "versions": st.just({}),
        "environ": st.just({"A": "1"}),
        "libraries": st.lists(NAMES.map(lambda name: {"path": name}), max_size=2),
        "thread_pools": st.just([]),
        "frameworks": st.dictionaries(NAMES, st.fixed_dictionaries({"rng": st.none() | st.just({"seed": 1})})),
        "rng": st.fixed_dictionaries({"python": st.fixed_dictionaries({"state": NAMES, "touched": st.booleans()})}),
        "entropy": st.lists(NAMES.map(lambda name: {"module": name, "count": 2}), max_size=1),
        "entropy_at_import": st.just([]),
        "moved_at_import": st.just([]),
        "children": st.just({"waited": False, "multiprocessing": 0}),
        "audit": st.fixed_dictionaries(
            {
                "opens": st.lists(
                    st.tuples(NAMES, st.booleans(), st.booleans(), st.just(1), st.integers(0, 9), st.none()).map(list),
                    max_size=3,
                    unique_by=lambda item: item[0],
                ),
                "listings": st.lists(
                    st.tuples(NAMES, st.just(1), st.just("m"), st.none() | NAMES).map(list),
                    max_size=2,
                    unique_by=lambda item: item[0],
                ),
                "connects": st.dictionaries(NAMES, st.integers(1, 3)),
                "subprocesses": st.dictionaries(NAMES, st.integers(1, 3)),
                "dlopens": st.just({}),
                "inputs": st.integers(0, 2),
                "truncated": st.booleans(),
            }
        ),
    }
)


def strip(raw):
    """Leave out what tells who was first, which no fact holds."""
    opens = sorted([*item[:4], item[5]] for item in raw["audit"]["opens"])
    parts = {name: raw[name] for name in ("modules", "libraries", "rng", "frameworks", "alike")}
    entropy = sorted((item["module"], item["count"]) for item in raw["entropy"])
    audit = {name: raw["audit"][name] for name in ("listings", "connects", "subprocesses", "inputs", "truncated")}
    return parts, raw.get("tasks"), entropy, opens, audit


@given(st.lists(REPORTS, min_size=2, max_size=5), st.randoms())
def test_the_order_of_ends_changes_nothing(raws, random):
    shuffled = list(raws)
    random.shuffle(shuffled)
    assert strip(merge_reports(raws)) == strip(merge_reports(shuffled))


@given(st.lists(REPORTS, min_size=1, max_size=4))
def test_nothing_that_was_done_is_lost(raws):
    merged = merge_reports(raws)
    assert set(merged["modules"]) == {name for raw in raws for name in raw["modules"]}
    assert merged["audit"]["truncated"] == any(raw["audit"]["truncated"] for raw in raws)
    assert {item["module"] for item in merged["entropy"]} == {i["module"] for raw in raws for i in raw["entropy"]}
    assert merged["rng"]["python"]["touched"] == any(raw["rng"]["python"]["touched"] for raw in raws)


def report(number, token="", **raw):
    return Report(number, 1, token, {"role": "program", "argv": ["x"], **raw})


def test_two_that_claim_one_start_are_both_missed():
    parent = report(1, audit={"subprocesses": {"python": 1}}, hooked=[[1, "python", False]])
    twins = [report(number, f"{parent.name}_1", audit={}) for number in (2, 3)]
    settle_starts([parent, *twins], [parent, *twins])
    assert parent.raw["audit"]["subprocesses"] == {"python": 1}
    settle_starts([parent, twins[0]], [parent, twins[0]])
    assert parent.raw["audit"]["subprocesses"] == {}


def test_settings_that_differ_are_not_merged():
    pools = [[{"api": "openblas", "name": "libopenblas", "threads": number}] for number in (1, 1, 2)]
    groups = group_reports([report(number, thread_pools=pool) for number, pool in enumerate(pools)])
    assert [(group.role, len(group.reports)) for group in groups] == [("x/0/0", 2), ("x/0/1", 1)]
