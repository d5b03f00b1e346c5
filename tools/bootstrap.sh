#!/bin/sh
# Makes sure that a bare machine has what the build needs: Python 3.10 or later with venv and headers, a C compiler.
# As root on Debian and its kin it installs what is missing; elsewhere it names it in one line.
# With arguments it does the same for the Debian packages that they name, each as COMMAND:PACKAGE.
set -eu
python=${PYTHON:-python3}
missing=

have() { command -v "$1" >/dev/null 2>&1; }
need() { missing="$missing $1"; }

have "$python" || need python3
if have "$python"; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
        echo "bootstrap: $python is older than Python 3.10; name a newer one, as in: make PYTHON=python3.12" >&2
        exit 3
    }
    "$python" -c 'import venv, ensurepip' 2>/dev/null || need python3-venv
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || need python3-dev
fi
have cc || have gcc || have clang || need gcc
[ -e /usr/include/stdio.h ] || need libc6-dev
have git || need git
for pair in "$@"; do
    have "${pair%%:*}" || need "${pair#*:}"
done

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && have apt-get; then
    echo "bootstrap: installing$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 # one word per package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "bootstrap: this machine lacks$missing; install it (on Debian, as root: apt-get install$missing)" >&2
    exit 3
fi
