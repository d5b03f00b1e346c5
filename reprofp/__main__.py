"""``python -m reprofp``."""

from __future__ import annotations

import sys

from reprofp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
