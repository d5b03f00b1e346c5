"""Do the units in systemd/ do what they say? A real systemd is booted in a container, and asked.

Usage: python bench/faults/systemd_boot.py [--root FOLDER] [--keep]

In FOLDER (else a temporary one) a minimal Debian is made with debootstrap, unless one is there; reprofp is installed in it
from this checkout, and systemd-nspawn boots it, without a network. There systemd_checks.py runs as a unit of its own and
powers the machine off. Printed is one line a check; the exit code is 1 where one failed, and 0 with the reason where this
machine cannot do it (not root, no debootstrap, no name space to boot in). The host's own files are never its root: systemd
would tidy up the host's /tmp.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve()
TOP = HERE.parents[2]
PACKAGES = "systemd,systemd-sysv,systemd-container,dbus,dbus-user-session,libpam-systemd,python3"
LIMIT_S = 420
PROGRAM = """#!/usr/bin/python3
import sys

sys.path.insert(0, "/opt/reprofp")
from reprofp.cli.main import main

sys.exit(main())
"""
CHECKS = """[Unit]
Description=Checks of the units of reprofp
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /opt/checks/systemd_checks.py
ExecStopPost=/usr/bin/systemctl poweroff --no-block
TimeoutStartSec=300
"""


def skip(reason: str) -> None:
    print(f"skipped: {reason}")
    sys.exit(0)


def run(*words: object, **options: object) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        skip(f"{words[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")


def make_root(root: Path) -> None:
    if (root / "usr/bin/systemd-nspawn").exists():
        return
    if shutil.which("debootstrap") is None:
        skip("debootstrap is not installed, and --root names no system")
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root)


def install(root: Path) -> None:
    """Install reprofp for the root's Python, the units, three users, and the checks."""
    version = subprocess.run(["chroot", root, "python3", "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=False).stdout.strip()  # fmt: skip
    if version != str(sys.version_info[:2]):
        skip(
            f"Python there is {version or 'missing'}, and here {sys.version_info[:2]}: what is installed would not fit"
        )
    shutil.rmtree(root / "opt/reprofp", ignore_errors=True)
    run(sys.executable, "-m", "pip", "install", "--quiet", "--target", root / "opt/reprofp", TOP)
    write(root / "usr/bin/reprofp", PROGRAM, 0o755)
    for unit in (TOP / "systemd").iterdir():
        folder = "system" if "system" in unit.name else "user"
        write(root / "etc/systemd" / folder / unit.name, unit.read_text(), 0o644)
    for name in ("systemd_checks.py",):
        write(root / "opt/checks" / name, HERE.with_name(name).read_text(), 0o644)
    write(root / "etc/systemd/system/reprofp-checks.service", CHECKS, 0o644)
    wants = root / "etc/systemd/system/default.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "reprofp-checks.service").unlink(missing_ok=True)
    (wants / "reprofp-checks.service").symlink_to("../reprofp-checks.service")
    users = (root / "etc/passwd").read_text()
    for name, extra in (
        ("reprofp", ("--system", "--home-dir", "/var/lib/reprofp")),
        ("alice", ("-m",)),
        ("bob", ("-m",)),
    ):
        if f"\n{name}:" not in users:
            run("chroot", root, "useradd", *extra, name)
    local = root / "home/alice/.local/bin"
    local.mkdir(parents=True, exist_ok=True)
    (local / "reprofp").unlink(missing_ok=True)
    (local / "reprofp").symlink_to("/usr/bin/reprofp")
    for stale in ("var/lib/reprofp", "home/alice/.local/state", "var/log/journal", "opt/checks/log"):
        shutil.rmtree(root / stale, ignore_errors=True)
        if (root / stale).is_file():
            (root / stale).unlink()


def write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def boot(root: Path) -> str:
    """Boot the root until it powers off; return what its console said."""
    libraries = sorted(root.glob("usr/lib/*/systemd"))
    words = [
        root / "usr/bin/systemd-nspawn", "--quiet", "-D", root, "--register=no", "--keep-unit", "--private-network",
        "--kill-signal=SIGRTMIN+3", "--console=pipe", "--boot",
    ]  # fmt: skip
    environ = {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    }
    try:
        done = subprocess.run(words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)  # fmt: skip
    except subprocess.TimeoutExpired as error:
        return f"did not power off within {LIMIT_S} s\n{(error.stdout or b'')[-2000:]!r}"
    return (done.stdout + done.stderr)[-3000:]


def report(root: Path, console: str) -> int:
    log = root / "opt/checks/log"
    if not log.exists():
        skip(f"systemd could not be booted here: {console.strip()[-1500:]}")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        print(
            f"{'ok    ' if line['ok'] else 'FAILED'} {line['name']}" + (f": {line['detail']}" if line["detail"] else "")
        )
    failed = sum(not line["ok"] for line in lines)
    if not lines or lines[-1]["name"] != "all checks ran":
        print(f"FAILED the checks did not end\n{console}")
        failed += 1
    print(f"{len(lines)} checks, {failed} failed")
    return 1 if failed else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="a Debian root to use, or where to make one; kept")
    options = parser.parse_args()
    if os.geteuid() != 0:
        skip("only root can boot a container")
    root = options.root or Path(tempfile.mkdtemp(prefix="reprofp-systemd-"))
    if root.resolve() == Path("/"):
        sys.exit("the host's own root is not to be booted")
    try:
        make_root(root)
        install(root)
        sys.exit(report(root, boot(root)))
    finally:
        if options.root is None:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
