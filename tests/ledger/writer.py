"""A process that appends records and prints the id of each once it is acknowledged.

Usage: writer.py FOLDER FIRST COUNT
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from ledger.builders import make_run
from reprofp.errors import LedgerError
from reprofp.ledger import Ledger


def main(folder, first, count):
    try:
        with Ledger.open(Path(folder), wait_s=60) as ledger:
            os.write(1, b"open\n")
            for number in range(int(first), int(first) + int(count)):
                record = make_run(number, lr=number, packages=20)
                os.write(1, f"{ledger.append(record)}\n".encode())
    except LedgerError as error:
        os.write(2, f"{error}\n".encode())
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
