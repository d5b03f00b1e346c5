"""A process that keeps records and prints the id of each once it is acknowledged.

Usage: spooler.py FOLDER FIRST COUNT
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from ledger.builders import make_run
from reprofp.ledger import keep


def main(folder, first, count):
    for number in range(int(first), int(first) + int(count)):
        kept = keep(make_run(number, lr=number), Path(folder), wait_s=0.02)
        os.write(1, f"{kept.id} {'spooled' if kept.spooled else 'ledger'}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
