"""The main job on real input: train three times, and ask which results may be compared.

python demo.py FOLDER       (``make demo`` runs it in an environment made for it)

Two runs are alike; the third uses another number of BLAS threads. The demo fails unless the digests of
the results agree and differ where the verdicts say so.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
REPROFP = Path(sys.executable).parent / "reprofp"


def say(text: str = "") -> None:
    print(text, flush=True)


def call(*command: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )


def must(*command: object, env: dict[str, str] | None = None) -> str:
    done = call(*command, env=env)
    if done.returncode != 0:
        sys.exit(f"demo: {' '.join(map(str, command))}\nexited {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def run(tag: str, threads: int, lr: float) -> dict:
    """Train once under ``reprofp run``, and return the record."""
    command = [sys.executable, HERE / "train.py", "--data", "data", "--init", "init.safetensors"]
    command += ["--out", "model.safetensors", "--metrics", "metrics.jsonl", "--lr", lr]
    declared = ["--data", "train=data", "--weights", "init=init.safetensors"]
    declared += ["--output", "model=model.safetensors", "--metrics", "metrics.jsonl", "--tag", tag]
    shown = " ".join(Path(str(part)).name if str(part).startswith("/") else str(part) for part in command)
    say(f"$ OPENBLAS_NUM_THREADS={threads} PYTHONHASHSEED=0 reprofp run --tag {tag} ... -- {shown}")
    say(
        must(
            REPROFP, "run", *declared, "--", *command, env={"OPENBLAS_NUM_THREADS": str(threads), "PYTHONHASHSEED": "0"}
        ).rstrip()
    )
    digest = must(REPROFP, "hash", "model.safetensors").split()[0]
    say(f"  model.safetensors  blake3:{digest}\n")
    return {"tag": tag, "digest": digest}


def compare(left: dict, right: dict) -> int:
    """Print the verdict on two runs, and return whether the same bits were promised, as an exit code."""
    say(f"$ reprofp compare {left['tag']} {right['tag']} --require bitwise")
    done = call(REPROFP, "compare", left["tag"], right["tag"], "--require", "bitwise")
    say(done.stdout.rstrip() + (done.stderr and "\n" + done.stderr.rstrip()))
    say(f"  (exit code {done.returncode})\n")
    return done.returncode


def choose_variation() -> tuple[str, int, float]:
    """Return the name, thread count and learning rate of the run that differs."""
    if (os.cpu_count() or 1) > 1 and len(os.sched_getaffinity(0)) > 1:
        return "two-threads", 2, 0.1
    say("This machine has one CPU: two BLAS threads would not differ from one, so the learning rate is varied.\n")
    return "other-lr", 1, 0.05


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chdir(folder)
    os.environ["REPROFP_HOME"] = str(folder / "reprofp")
    must(sys.executable, HERE / "make_inputs.py", folder)
    tag, threads, lr = choose_variation()
    first, second, third = run("first", 1, 0.1), run("second", 1, 0.1), run(tag, threads, lr)
    alike, unlike = compare(first, second), compare(first, third)
    facts = {
        "the runs that are alike gave the same bits": first["digest"] == second["digest"],
        "and the verdict promised it": alike == 0,
        "the runs that are not gave other bits": first["digest"] != third["digest"],
        "and the verdict did not promise the same": unlike == 1,
    }
    for fact, holds in facts.items():
        say(f"{'yes' if holds else 'NO '}  {fact}")
    if not all(facts.values()):
        sys.exit("demo: a verdict and the bits disagree: " + json.dumps([first, second, third]))


if __name__ == "__main__":
    main()
