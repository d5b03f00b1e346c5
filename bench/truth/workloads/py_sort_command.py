"""Another program sorts, in the order of its locale."""

import argparse
import subprocess
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--lines", type=int, default=50)
args = parser.parse_args()

done = subprocess.run(["sort", "data/words.txt"], capture_output=True, text=True, check=True)
Path("out/result").write_text("\n".join(done.stdout.split()[: args.lines]), encoding="utf-8")
