"""What the program's own sources ask of the world."""

import pytest

from reprofp.probes.calls import KINDS, find_calls

COUNTS = {
    "import time as t\nseed(t.time())": ["time.time"],
    "from time import time\nx = time()\nseed(x)": ["time.time"],
    "import time\nend = time.monotonic() + 60": ["time.monotonic"],
    "import time\nrun(clock=time.time)": ["time.time"],
    "import time\ntime.strftime('%Y')": ["time.strftime"],
    "from datetime import datetime as d\nd.now()": ["datetime.datetime.now"],
    "import os\nos.getpid()": ["os.getpid"],
    "import time\nstart = time.time()\nwhile time.time() - start < 5: step()": ["time.time"],
    "from threading import Thread\nThread(target=f).start()": ["threading.Thread"],
    "import pandas as pd\npd.to_datetime('now')": ["pandas.Timestamp.now"],
    "import multiprocessing as mp\nseed(mp.current_process()._identity[0])": [
        "*._identity",
        "multiprocessing.current_process",
    ],
    "from time import *\nseed(time())": ["time.time"],
    "import torch\ntorch.Generator().seed()": ["*.seed()"],
    "import random\nrandom.seed(3)": [],
    "import gzip\ngzip.compress(data)": ["gzip.compress"],
    "import concurrent.futures as c\nc.as_completed(q)": ["concurrent.futures.as_completed"],
    "pool.imap_unordered(f, x)": ["*.imap_unordered"],
    "future.add_done_callback(f)": ["*.add_done_callback"],
    "pool.apply_async(f, (x,))": [],
    "pool.apply_async(f, (x,), callback=g)": ["*.apply_async"],
    "pool.apply_async(f, (x,), {}, g)": ["*.apply_async"],
    "pool.apply_async(f, **more)": ["*.apply_async"],
    "start = pool.apply_async": ["*.apply_async"],
    "import multiprocessing as mp; q = mp.Queue()": ["multiprocessing.Queue"],
    "from multiprocessing import Value; v = Value('i')": ["multiprocessing.Value"],
    "import multiprocessing; q = multiprocessing.get_context('fork').Queue()": ["multiprocessing.Queue"],
    "def f(context): return context.Manager()": ["multiprocessing.Manager"],
    "import queue; q = queue.Queue()": [],
    "import asyncio; q = asyncio.Queue()": [],
    "import sys\nfor line in sys.stdin: pass": ["sys.stdin"],
    "input()": ["input"],
    "import ctypes\nctypes.CDLL(None)": ["ctypes.CDLL"],
    "import os\nsorted(x, key=os.path.getmtime)": ["os.path.getmtime"],
}
KEPT = "import time\nt = time.perf_counter()\n"
"""What is done with a duration that may reach results."""
COUNTS |= {
    "import tarfile\ntarfile.open(path, 'w:gz')": ["tarfile.open"],
    "import zipfile\nzipfile.ZipFile(path, mode=mode)": ["zipfile.ZipFile"],
    KEPT + "json.dump({'s': time.perf_counter() - t}, f)": ["time.perf_counter"],
    KEPT + "took = time.perf_counter() - t\nrows.append(took)\nsave(rows)": ["time.perf_counter"],
    KEPT + "took = time.perf_counter() - t\nif took > 3: stop()": ["time.perf_counter"],
    KEPT + "print(time.perf_counter() - t, file=f)": ["time.perf_counter"],
    KEPT + "history['s'] = time.perf_counter() - t": ["time.perf_counter"],
    KEPT + "def f(): return time.perf_counter() - t": ["time.perf_counter"],
    KEPT + "class T:\n def end(self): self.took = time.perf_counter() - t\nsave(timer.took)": ["time.perf_counter"],
    KEPT + "class T:\n def end(self): self.took = time.perf_counter() - t": ["time.perf_counter"],
    "from threading import Thread\ndef f(): found.append(1)\nThread(target=f).start()": ["threading.Thread"],
    "from threading import Thread\ndef f(): open('a', 'wb')\nThread(target=f).start()": ["threading.Thread"],
}
HELD = "import time\nclass T: pass\nt = T()\ns = time.perf_counter()\nt.took = time.perf_counter() - s\nprint(t.took)\n"
"""A duration that is an attribute, and shown by its name."""
GONE = [
    HELD + "json.dump(t.__dict__, f)",
    HELD + "json.dump(vars(t), f)",
    HELD + "pickle.dump(t, f)",
    HELD + "json.dump(dataclasses.asdict(t), f)",
    HELD + "def f(): return t\nsave(f())",
    HELD.replace("t = T()", "t = make()"),
    KEPT + "def f():\n d = time.perf_counter() - t\n print(d)\n json.dump(locals(), f)",
    KEPT + "d = time.perf_counter() - t\nprint(d)\njson.dump(globals()['d'], f)",
    KEPT + "class T:\n d = time.perf_counter() - t",
    KEPT + "d = time.perf_counter() - t",
    KEPT + "with contextlib.redirect_stdout(f): print(time.perf_counter() - t)",
    KEPT + "import sys\nsys.stdout = f\nprint(time.perf_counter() - t)",
    KEPT + "print = functools.partial(print, file=f)\nprint(time.perf_counter() - t)",
    KEPT + "print(time.perf_counter() - t, **options)",
    KEPT + "print(time.perf_counter() - t, file=self.stdout)",
    KEPT + "from results import info\ninfo(time.perf_counter() - t)",
    KEPT + "class L:\n def info(self, x): f.write(x)\nlog.info(time.perf_counter() - t)",
    KEPT + "import click\nclick.echo(time.perf_counter() - t, f)",
    KEPT + "f.write('x' * len(str(time.perf_counter() - t)))",
    KEPT + "def mean(x): save(x)\nprint(mean(time.perf_counter() - t))",
    KEPT + "print(meter.mean(time.perf_counter() - t))",
    KEPT + "def f(h): h.append(time.perf_counter() - t); print(h)\nf(rows)",
    KEPT + "rows = results['rows']\nrows.append(time.perf_counter() - t)\nprint(rows)",
]
"""Durations that are shown and reach what is kept by another way as well."""
THREAD = "from threading import Thread\n"
NOT_QUIET = [
    "def f(q=q): q.get()\nThread(target=f)",
    "def f(): stop.set()\nThread(target=f)",
    "import torch\ndef f(): torch.set_num_threads(1)\nThread(target=f)",
    "def f(): model.eval()\nThread(target=f)",
    "def f():\n for p in model.parameters(): p.data *= 0.5\nThread(target=f)",
    "def f(): saver.flush_all()\nThread(target=f)",
    "import os\ndef f(): os._exit(1)\nThread(target=f)",
    "import os\ndef f(): os.remove('x')\nThread(target=f)",
    "import os\ndef f(): os.environ.pop('x')\nThread(target=f)",
    "import shutil\ndef f(): shutil.copy('x', 'y')\nThread(target=f)",
    "import subprocess\ndef f(): subprocess.run(['x'])\nThread(target=f)",
    "def f(): helper.change(model)\nThread(target=f)",
    "from other import change\ndef f(): change()\nThread(target=f)",
    "def f(out):\n out += [1]\nThread(target=f, args=(out,))",
    "def f(out=out):\n out += [1]\nThread(target=f)",
    "def f(*given): given[0].append(1)\nThread(target=f, args=(out,))",
    "def f(**given): given['out'].append(1)\nThread(target=f, kwargs={'out': out})",
    "def f(*, out): out.append(1)\nThread(target=f, kwargs={'out': out})",
    "def f():\n for row in rows: print(row)\nThread(target=f)",
    "def f(): print(sum(found.popall()))\nThread(target=f)",
]
COUNTS |= {THREAD + source: ["threading.Thread"] for source in NOT_QUIET}
COUNTS |= {
    "import _thread\n_thread.start_new_thread(f, ())": ["_thread.start_new_thread"],
    "import multiprocessing as mp; v = mp.get_context('fork').Value('d', 0)": ["multiprocessing.Value"],
    "from multiprocessing import get_context as g; a = g().Array('d', 3)": ["multiprocessing.Array"],
    "sorted(x, key=id)": ["id"],
    "list(map(id, x))": ["id"],
}
HARMLESS = [
    "import threading\ndef f(stop):\n  while not stop.wait(5): print('alive')\nthreading.Thread(target=f, args=(stop,)).start()",
    HELD,
    (
        "import time\nclass T:\n def __enter__(self):\n  self.t = time.time()\n  return self\n"
        " def end(self): return time.time() - self.t\nwith T() as t: print(t.end())"
    ),
    "import time\nimport sys\nt = time.time()\nprint(time.time() - t, file=sys.stderr)",
    "import time\nconfig = {k: globals()[k] for k in names}\nt = time.time()\nprint(time.time() - t)",
    "import time, logging\nlog = logging.getLogger()\nt = time.time()\nlog.info('%.1f', time.time() - t)",
    "import tarfile, zipfile\ntarfile.open(path)\nzipfile.ZipFile(path, 'r')",
    "import time\nt = time.time()\nprint(time.time() - t)",
    "import time\nclass A:\n def f(self): self.t = time.time()\n def g(self): return time.time() - self.t\nprint(A().g())",
    "import time\nstart = time.time()\ntook = round(time.time() - start, 1)\nlog.info('%s', took)",
    "import time\nstart = time.time()\nprint(f'{9 / (time.time() - start):.1f} a second')",
    "import time\nimport numpy as np\ntook = []\nstart = time.time()\ntook.append(time.time() - start)\nprint(np.mean(took), len(took))",
    "import time\ndef text(s): return f'{s:.1f}'\nt = time.time()\nprint(text(time.time() - t))",
    "from threading import Thread\ndef tell():\n  while not stop.is_set(): print('alive')\nThread(target=tell, daemon=True).start()",
    "import time\ntime.strftime('%Y', given)",
    "import sys\nsys.stdin.isatty()",
    "def f(id): return id(3)",
    "def input(): return 1\ninput()",
    "model(input)",
    "# time.time()",
    "",
]


def calls_of(source):
    return [word for word in find_calls(source.encode()) if ":" not in word]


@pytest.mark.parametrize("source", COUNTS)
def test_calls_are_found_through_imports(source):
    assert calls_of(source) == COUNTS[source]


@pytest.mark.parametrize("source", GONE)
def test_durations_that_are_shown_may_be_kept_as_well(source):
    assert "time.perf_counter" in calls_of(source)


@pytest.mark.parametrize("source", HARMLESS)
def test_durations_and_namesakes_do_not_count(source):
    assert calls_of(source) == []


def test_what_does_not_parse_is_not_known():
    assert find_calls(b"x = (") is None
    assert find_calls(b"x = \0") is None


def test_every_name_has_one_kind():
    assert sum(map(len, KINDS.values())) == len({name for names in KINDS.values() for name in names})
