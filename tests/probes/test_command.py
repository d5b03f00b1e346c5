from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.probes.command import EntryKind, split_command


@pytest.mark.parametrize(
    ("argv", "kind", "entry", "arguments"),
    [
        ("", EntryKind.NONE, "", ""),
        ("python", EntryKind.NONE, "", ""),
        ("python -i", EntryKind.NONE, "", ""),
        ("python train.py --lr 1", EntryKind.SCRIPT, "train.py", "--lr 1"),
        ("/usr/bin/python3.11 -u -W error -X dev a/train.py x", EntryKind.SCRIPT, "a/train.py", "x"),
        ("python -OO -- -odd.py x", EntryKind.SCRIPT, "-odd.py", "x"),
        ("python - x", EntryKind.SCRIPT, "-", "x"),
        ("python -m pkg.train --lr 1", EntryKind.MODULE, "pkg.train", "--lr 1"),
        ("python -mpkg.train --lr 1", EntryKind.MODULE, "pkg.train", "--lr 1"),
        ("python -um pkg --lr 1", EntryKind.MODULE, "pkg", "--lr 1"),
        ("python -c pass --lr 1", EntryKind.CODE, "pass", "--lr 1"),
        ("pypy3.10 t.py", EntryKind.SCRIPT, "t.py", ""),
        ("python3.13t t.py", EntryKind.SCRIPT, "t.py", ""),
        ("./train.py --lr 1", EntryKind.SCRIPT, "./train.py", "--lr 1"),
        ("./train.sh --lr 1", EntryKind.PROGRAM, "./train.sh", "--lr 1"),
        ("torchrun --nproc_per_node=2 train.py --lr 1", EntryKind.SCRIPT, "train.py", "--lr 1"),
        ("torchrun --nproc_per_node 2 -m pkg.train --lr 1", EntryKind.MODULE, "pkg.train", "--lr 1"),
        ("python -m torch.distributed.run --nnodes 1 train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("accelerate launch --num_processes 2 train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("env A=1 nice -n 5 python train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("env -u X -C /d A=1 ./a.out --lr 1", EntryKind.PROGRAM, "./a.out", "--lr 1"),
        ("nice -n 5 pytest --version", EntryKind.PROGRAM, "pytest", "--version"),
        ("nice -5 python train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("/usr/bin/time -f %e python train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("time -o python train", EntryKind.PROGRAM, "train", ""),
        ("timeout -k 5 100 python train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("timeout 100 env A=b nohup tool x", EntryKind.PROGRAM, "tool", "x"),
        ("timeout 100", EntryKind.PROGRAM, "timeout", "100"),
        ("env", EntryKind.PROGRAM, "env", ""),
        ("taskset -c 0-3 python -m pkg a", EntryKind.MODULE, "pkg", "a"),
        ("sh run.sh --lr 1", EntryKind.SCRIPT, "run.sh", "--lr 1"),
        ("bash -euo pipefail run.sh a", EntryKind.SCRIPT, "run.sh", "a"),
        ("bash -o pipefail -e run.sh a", EntryKind.SCRIPT, "run.sh", "a"),
        ("bash -lc true x y", EntryKind.CODE, "true", "x y"),
        ("bash", EntryKind.PROGRAM, "bash", ""),
        ("uv run train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("mpirun -np 4 python train.py a", EntryKind.SCRIPT, "train.py", "a"),
        ("srun ./a.out 5", EntryKind.PROGRAM, "srun", "./a.out 5"),
        ("python -c from_spawn --multiprocessing-fork pipe_handle=7", EntryKind.CHILD, "", ""),
    ],
)
def test_commands(argv, kind, entry, arguments):
    command = split_command(argv.split())
    assert (command.kind, command.entry, command.arguments) == (kind, entry, tuple(arguments.split()))


def test_the_launcher_is_kept_apart():
    assert split_command("env A=1 python -u train.py".split()).launcher == ("env", "A=1", "python", "-u")  # noqa: SIM905


words = st.sampled_from(["python", "-m", "-c", "-W", "torchrun", "train.py", "--", "-", "x", "--lr=1", "env", ""])


@given(st.lists(words | st.text(max_size=5), max_size=8))
@settings(max_examples=200, deadline=None)
def test_no_argument_of_the_program_is_lost(argv):
    command = split_command(argv)
    if command.kind not in (EntryKind.NONE, EntryKind.CHILD):
        assert list(command.arguments) == argv[len(argv) - len(command.arguments) :]
        assert list(command.launcher) == argv[: len(command.launcher)]
