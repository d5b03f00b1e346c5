"""On which of the ways of the machine and the environment a source may depend."""

import pytest

from reprofp.probes.asks import ASKED
from reprofp.probes.calls import find_calls

ASKS = {
    "for word in set(words): print(word)": {"hashing:set", "addresses:set"},
    "for word in set(text.split()): print(word)": {"hashing:set"},
    "words = {w.lower() for w in text}\nx = list(words)": {"hashing:set"},
    "nodes = {Node(i) for i in range(9)}\nprint(*nodes)": {"hashing:set", "addresses:set"},
    "for name in expression.free_symbols: f(name)": {"hashing:free_symbols"},
    "print(hash('a'))": {"hashing:hash"},
    "print(hash(thing))": {"hashing:hash", "addresses:hash"},
    "for key in a.keys() & b.keys(): f(key)": {"hashing:keys", "addresses:keys"},
    "seen = set()\nfor x in y: seen.add(x)\nprint(list(seen))": {"hashing:set", "addresses:set"},
    "class A:\n def __init__(self): self.seen = set()": {"hashing:set", "addresses:set"},
    "x = frame['city'].map(hash)": {"hashing:hash", "addresses:hash"},
    "getattr(numpy, 'exp')(x)": {"functions:exp"},
    "import math\nvars(math)[name](x)": {"dynamic:vars"},
    "abs(x).__pow__(0.37)": {"functions:__pow__"},
    "Forest(regressor__n_jobs=2)": {"jobs:n_jobs"},
    "import torch\ntorch.load(path, weights_only=False)": {"hashing:load"},
    "import torch\ndef gather(h, i): return h[i]\nfor i in range(2): f(i)": {"scatter:index"},
    "class Node:\n def __lt__(self, other): return True": {"hashing:__lt__", "addresses:__lt__"},
    "class Names(set): pass": {"hashing:set", "addresses:set"},
    "x = map(set, groups)": {"hashing:set", "addresses:set"},
    "import pickle as p\nfor word in p.load(file): f(word)": {"hashing:load"},
    "from joblib import load\nload(path)": {"hashing:load"},
    "np.load(path, allow_pickle=True)": {"hashing:allow_pickle"},
    "option('--rate', envvar='RATE')": {"environ:RATE"},
    "option('--rate', envvar=['RATE', name])": {"environ:RATE", "environ:*"},
    "command(context_settings={'auto_envvar_prefix': 'MY'})": {"environ:*"},
    "open('/proc/self/environ', 'rb')": {"environ:*"},
    "from omegaconf import OmegaConf\nOmegaConf.load(path)": {"environ:*"},
    "print(f.__doc__)": {"asserts:__doc__"},
    "sorted(set(names), key=len)": {"hashing:set", "addresses:set"},
    "import os\nos.environ['SEED']": {"environ:SEED"},
    "import os\nos.environ.get('SEED', 1)": {"environ:SEED"},
    "import os\nos.getenv('SEED')": {"environ:SEED"},
    "from os import getenv as g, environ as e\ng('A'), e['B']": {"environ:A", "environ:B"},
    "import os\n'SEED' in os.environ": {"environ:SEED"},
    "import os\nos.environ[name]": {"environ:*"},
    "import os\ndict(os.environ)": {"environ:*"},
    "import os\nos.path.expandvars(path)": {"environ:*"},
    "from datetime import datetime\ndatetime.fromtimestamp(t)": {"local_time:fromtimestamp"},
    "import time\ntime.mktime(x)": {"local_time:mktime"},
    "moment.astimezone()": {"local_time:astimezone"},
    "import locale\nlocale.setlocale(locale.LC_ALL, '')": {"locale:locale", "locale:setlocale"},
    "print(f'{x:n}')": {"locale:n"},
    "'{:,.2n}'.format(x)": {"locale:n"},
    "open('a')": {"encoding:open"},
    "path.read_text()": {"encoding:read_text"},
    "import subprocess\nsubprocess.run(['a'], text=True)": {"encoding:run"},
    "import concurrent.futures as c\nc.ThreadPoolExecutor()": {"workers:ThreadPoolExecutor"},
    "Forest(n_jobs=-1)": {"workers:n_jobs", "jobs:n_jobs"},
    "Forest(n_jobs=2)": {"jobs:n_jobs"},
    "assert x": {"asserts:assert"},
    "if __debug__: f()": {"asserts:__debug__"},
    "import math\nmath.exp(1.5)": {"functions:exp"},
    "from numpy import *\nsin(x)": {"functions:sin"},
    "abs(3 + 4j)": {"functions:complex"},
    "x ** 0.5": {"functions:**"},
    "x **= 2": {"functions:**"},
    "a @ b": {"products:@"},
    "a @= b": {"products:@"},
    "np.dot(a, b)": {"products:dot"},
    "np.argsort(x)": {"sorting:argsort"},
    "eval(text)": {"dynamic:eval"},
    "frame.eval('a ** b')": {"dynamic:eval"},
    "getattr(numpy, name)": {"dynamic:getattr"},
    "loss = w[index].sum()\nloss.backward()": {"scatter:index"},
    "w.index_put_(i, v)": {"scatter:index_put_"},
    "tl.atomic_add(p, v)": {"scatter:atomic_add"},
    "@triton.autotune(configs, key=['size'])\n@triton.jit\ndef kernel(p): pass": {"scatter:autotune"},
    "import torch\nx[ids] = v": {"scatter:write"},
    "import os\nprint(os.path.exists(path))": {"files:exists"},
    "if path.is_file():\n  rate = 0.1": {"files:is_file"},
    "from os.path import getsize as size\nn = size(path)": {"files:getsize"},
    "steps = path.stat().st_size // 100": {"files:st_size"},
    "import os\nrate = 0.1 if os.access(path, os.R_OK) else 0.2": {"files:access"},
    "import os\nif os.path.exists(path):\n  if flag: go()\n  elif x:\n    f = open(path, 'rb')": {"files:exists"},
    "import os\nif not os.path.exists(path): make(path)\nf = open(path, 'rb')": {"files:exists"},
    "import os\nif os.path.exists(path): print('over')\nf = open(path, 'wb')": {"files:exists"},
    "import os\nif os.path.exists(path):\n  path = other\n  f = open(path, 'rb')": {"files:exists"},
    "import os\nif os.path.exists(path): model.load(path)": {"files:exists"},
    "import os\nif os.path.exists('/data/a'): f = open('/data/a', 'rb')": {"files:exists"},
    "import os\nfor name in os.listdir(d): go(os.path.isfile(os.path.join(other, name)))": {"files:isfile"},
    "for name in names: f(folder.joinpath(name).is_dir())": {"files:is_dir"},
    "import os\nif not os.path.exists(path): save(model, path)\nx = open(path, 'rb')": {"files:exists"},
    "import os\nfound = os.path.exists(path)\nprint(found)": {"files:exists"},
    "import torch\nfor i in order: x[i] = 1": {"scatter:write"},
    "import torch\ny = h[[0, 0]].sum()": {"scatter:index"},
    "import numpy as np\nx = np.empty(3)\nx += 1": {"unwritten:empty"},
    "import numpy as np\nx = np.empty(n)\nfor i in range(n - 1): x[i] = i": {"unwritten:empty"},
    "import numpy as np\nx = np.empty(n)\nfor i in range(n):\n  if i % 2: x[i] = i": {"unwritten:empty"},
    "import numpy as np\nx = np.ndarray((3, 4))": {"unwritten:ndarray"},
    "import torch\nx = torch.empty_like(y).abs()": {"unwritten:empty_like"},
    "import torch\nx = torch.Tensor(3, 4)": {"unwritten:Tensor"},
    "x = y.new_empty(3)": {"unwritten:new_empty"},
    "import numpy as np\nx = np.divide(a, b, where=b > 0)": {"unwritten:where"},
    "import numpy as np\nmake(np.empty)": {"unwritten:empty"},
    "from concurrent.futures import ThreadPoolExecutor as P\nrng = make(0)\ndef f(i): return rng.normal()\nP(2).map(f, x)": {
        "racing:normal",
        "functions:normal",
    },
    "from concurrent.futures import ThreadPoolExecutor as P\ndef f(i): found.append(i)\nP(2).map(f, x)": {
        "racing:append"
    },
    "from concurrent.futures import ThreadPoolExecutor as P\ndef g(r): return r.random()\ndef f(i): return g(rng)\nP(2).map(f, x)": {
        "racing:random"
    },
    "from concurrent.futures import ThreadPoolExecutor as P\ndef f(r, i): return r.random()\nfor i in x: P(2).submit(f, rng, i)": {
        "racing:random"
    },
    "from concurrent.futures import ThreadPoolExecutor as P\nimport random\nP(2).map(lambda i: random.random(), x)": {
        "racing:random"
    },
    "from concurrent.futures import ThreadPoolExecutor as P\nfrom other import work\nP(2).map(work, x)": {
        "racing:work"
    },
    "from concurrent.futures import ThreadPoolExecutor as P\nwhile not future.done(): step()": {"racing:done"},
    "import asyncio\nasyncio.create_task(fetch(i))": {"racing:create_task"},
    "psutil = 1\nopen('/proc/meminfo', 'rb')": {"states:proc"},
    "import psutil\nn = psutil.virtual_memory().available": {"states:virtual_memory"},
    "import os\nos.path.expanduser('~/data')": {"environ:HOME"},
    "import shutil\nshutil.get_terminal_size()": {"environ:COLUMNS", "environ:LINES"},
    "from dateutil import parser\nparser.parse(text)": {"local_time:parse"},
    "from sklearn.ensemble import RandomForestClassifier as F\nF(**config)": {"jobs:**"},
    "settings = {'n_jobs': 4}": {"jobs:n_jobs"},
    "settings['model__n_jobs'] = n": {"jobs:n_jobs"},
    "a = x.keys()\nfor key in a & b: f(key)": {"hashing:keys", "addresses:keys"},
    "import operator\nf(operator.and_(a, b))": {"hashing:and_", "addresses:and_"},
    "class Node: __lt__ = compare": {"hashing:__lt__", "addresses:__lt__"},
}
SILENT = [
    "def f(a: set[int], b: frozenset | None = None) -> set: return len(a)",
    "isinstance(x, (set, frozenset))",
    "import json\njson.load(file)",
    "import pickle\npickle.dump(x, file)",
    "sorted(set(names))",
    "seen = set()\nfor x in y:\n  if x in seen: continue\n  seen.add(x)",
    "kinds = {'a', 'b'}\nif kind in kinds: f()",
    "len(set(names))",
    "if {'a'} <= given: f()",
    "for key in table: f(table[key])",
    "open('a', encoding='utf-8')",
    "open('a', 'rb')",
    "path.read_text(encoding='utf-8')",
    "import subprocess\nsubprocess.run(['a'])",
    "import os\nos.environ.update(A='1')\ndel os.environ['B']",
    "from datetime import datetime, UTC\ndatetime.fromtimestamp(t, UTC)",
    "moment.astimezone(zone)",
    "import multiprocessing\nmultiprocessing.Pool(2)",
    "DataLoader(data, num_workers=0)",
    "Forest(n_jobs=1)",
    "2 ** 16",
    "import math\nmath.sqrt(2) + math.floor(1.5)",
    "', '.join(names)",
    "f'{name}: {value:>10}'",
    "getattr(thing, 'name', None)",
    "import re\nre.compile('a')",
    "model.eval()",
    "for i in range(9):\n  x[i, 2:3, ..., -1, None].sum().backward()",
    "x[index]",
    "import torch\nx = torch.zeros(9)\norder = torch.randperm(9)\nfor i in range(0, 9, 3): f(x[order[i : i + 3]])",
    "import torch\nlosses = {}\nlosses[name] = 1.0",
    "import os\nif not os.path.exists(out): os.makedirs(out)",
    "import os\nif main and not os.path.isdir(out): os.mkdir(out)",
    "import os\nif args.resume and os.path.isfile(args.resume):\n  state = torch.load(args.resume)\nimport torch",
    "import os\nif not os.path.exists(path): raise OSError(path)\nf = open(path, 'rb')",
    "import os, numpy as np\ntable = np.load(path) if os.path.exists(path) else None",
    "def load(path): return open(path, 'rb')\nif path.exists(): x = load(path)",
    "import os\nif os.path.isdir(folder):\n  names = sorted(os.listdir(folder))",
    "import os, torch\ntorch.save(model, path)\nprint(os.path.getsize(path))",
    "names = sorted(path for path in folder.iterdir() if path.is_dir())",
    "import os\nfor name in os.listdir(d):\n  if os.path.isfile(os.path.join(d, name)): f(name)",
    "import os\nwith os.scandir(d) as entries: names = 1\nfor entry in os.scandir(d):\n  if entry.is_file(): f(entry.name)",
    "import os\nif not os.path.exists(path):\n  with open(path, 'wb') as f: f.write(get())\nwith open(path, 'rb') as f: f.read()",
    (
        "import os, torch\nif os.path.isfile(args.resume):\n  if args.gpu is None: c = torch.load(args.resume)\n"
        "  else: c = torch.load(args.resume, map_location=loc)"
    ),
    (
        "import os, torch\nclass A:\n def go(self, path):\n  if os.path.exists(path):\n   print('there')\n   self.restore(path)\n"
        " def restore(self, file): self.state = torch.load(file)"
    ),
    "import os\nthere = False\nif x: there = os.path.exists(path)\nif there: f = open(path, 'rb')",
    "import torch\nlogits[logits < v[:, [-1]]] = 0",
    "import torch\nfor name, value in d.items(): state[name] = value",
    "import torch\nclass D:\n def __getitem__(self, i): return self.rows[i]",
    "import torch\nclass W:\n def __init__(self): self.ids = {}\n def put(self, w): self.ids[w] = len(self.ids)",
    "import stat\nstat.S_IMODE(mode)",
    "if frame.empty or queue.empty(): f()",
    "import numpy as np\nx = np.empty((0, 3))",
    "import numpy as np\nx = np.empty(n)\nx[:] = 1",
    "import numpy as np\nx = np.empty((n, 3))\nfor i in range(n):\n  row = f(i)\n  x[i] = row",
    "import numpy as np\nx = np.empty(len(y))\nfor i, each in enumerate(y): x[i, :] = each",
    "import numpy as np\nx = np.empty(9)\nnp.add(a, b, out=x)",
    "import numpy as np\nnp.mean(x, where=y)",
    "import torch\nx = torch.empty(9).uniform_(0, 1)",
    (
        "import torch\nfrom torch import nn\nclass A(nn.Module):\n def __init__(self):\n  self.w = nn.Parameter(torch.empty(3))\n"
        "  if bias:\n   self.b = nn.Parameter(torch.empty(3))\n  self.reset()\n def reset(self):\n"
        "  nn.init.zeros_(self.w)\n  if self.b is not None: nn.init.zeros_(self.b)"
    ),
    (
        "from concurrent.futures import ThreadPoolExecutor as P\ndef f(i):\n  r = Random(i)\n  found = []\n  found.append(r.random())\n"
        "  return found\nP(2).map(f, x)"
    ),
    "from concurrent.futures import ThreadPoolExecutor as P\nimport numpy as np\nP(2).map(np.sum, x)",
    "from sklearn.svm import SVC\nsettings = {'C': 1.0}\nSVC(**settings)",
    "settings = {'n_jobs': 1}",
    "",
]
POOL = "from concurrent.futures import ThreadPoolExecutor\nimport random, numpy as np, torch\nrng = random.Random(0)\n"
MAPPED = "\nlist(ThreadPoolExecutor(2).map(f, range(9)))"
IN_TASKS = [
    "def f(i, g=rng): return g.random()",
    "def f(i, *, g=rng): return g.random()",
    "draw = rng.random\ndef f(i): return draw()",
    "class D:\n def __getitem__(self, i): return rng.random()\nd = D()\ndef f(i): return d[i]",
    "class A:\n def load(self, i): return rng.random()\na = A()\ndef f(i): return a.load(i)",
    "class A:\n def add(self, i): self.n += i\na = A()\ndef f(i): return a.add(i)",
    "from other import change\ndef f(i): return change(i)",
    "import other\ndef f(i): return other.change(i)",
    "import itertools\nc = itertools.count()\ndef f(i): return c.__next__()",
    "rows = iter(x)\ndef f(i):\n for row in rows: return row",
    "def f(i): return dropout(i)",
    "from torch import rand as r\ndef f(i): return r(2)",
    "def f(i):\n with open('log', 'ab') as file: file.write(b'x')",
    "log = open('log', 'wb')\ndef f(i): print(i, file=log)",
    "total = np.zeros(3)\ndef f(i): np.add.at(total, i, 0.1)",
    "total = np.zeros(3)\ndef f(i):\n t = total\n t += i",
    "total = np.zeros(3)\ndef f(i):\n t = np.zeros(3)\n t = total\n t += i",
    "total = np.zeros(3)\ndef f(i, t=total):\n t += i",
    "import heapq\nheap = []\ndef f(i): heapq.heappush(heap, i)",
    "def f(i): setattr(settings, 'step', i)",
    "def f(i): model.train()",
    "def f(i):\n for p in model.parameters(): p.data *= 0.5",
    "def f(i):\n a, b = pairs[0], rng\n return b.random()",
]
IN_TASKS += [
    "class A:\n @property\n def size(self): return rng.random()\na = A()\ndef f(i): return a.size",
    "class A:\n def __init__(self, i): found.append(i)\ndef f(i): return A(i)",
    "from other import Change\ndef f(i): return Change(i)",
    "def f(i): return list(rows)",
    "rows = iter(x)\ndef f(i): return list(zip(rows, rows))",
    "draw = rng.random\ndef f(i): return list(map(draw, [i]))",
    "all_of = [rng]\ndef f(i): return list(map(lambda r: r.random(), all_of))",
    "def f(i): return [*rows]",
    "def f(i):\n a, *b = rows\n return a",
    "def f(i):\n x = rows\n return list(x)",
    "total = np.zeros(3)\ndef f(i):\n t = total.view()\n t += 1",
    "total = np.zeros(3)\ndef f(i):\n t = np.asarray(total)\n t += 1",
    "lists = {'a': []}\ndef f(i):\n x = lists.get('a')\n x.append(i)",
    "lists = [[], []]\ndef f(i):\n x = max(lists, key=len)\n x.append(i)",
    "def f(i):\n o = {'r': rng}\n return o['r'].random()",
    "class H:\n def __init__(self, r): self.r = r\ndef f(i):\n h = H(rng)\n return h.r.random()",
    "from functools import partial\ndef g(r): return r.random()\ndef f(i): return partial(g, rng)()",
    "def f(i): return torch.nn.Dropout()(i)",
    "def f(i): return torch.nn.functional.gumbel_softmax(i)",
    "from torchvision import transforms\ndef f(i): return transforms.RandomCrop(3)(i)",
    "def f(i): return torch.utils.data.random_split(x, [1])",
    "def f(i): return torch.set_default_device('cpu')",
    "import sys\ndef f(i): sys.path.append(i)",
    "import json\ndef f(i): json.dump(i, log)",
    "import itertools\nc = itertools.cycle('ab')\ndef f(i): return list(itertools.islice(c, 2))",
    "def around(h):\n def g(*a):\n  found.append(a)\n  return h(*a)\n return g\n@around\ndef f(i): return i",
    "from other import around\n@around\ndef f(i): return i",
    "def f(i): (r := rng).random()",
    "def f(i):\n with holder as r: return r.random()",
    "def f(i): return (rng if i else rng).random()",
    "def f(i): return [rng][0].random()",
    "def g(r): return r.random()\nall_of = [rng]\ndef f(i): return g(all_of[0])",
    "def g(all_of): return all_of[0].random()\ndef f(i): return g((rng, i))",
    "def g(**k): return k['r'].random()\ndef f(i): return g(**{'r': rng})",
    "def g(*k): return k[0].random()\ndef f(i): return g(*all_of)",
]
DRAWS = "import random\nrng = random.Random(0)\ndef f(i): return rng.random()\ndef g(i, r): return r.random()\n"
IN_POOLS = [
    "from multiprocessing.dummy import Pool\nPool(2).map(f, x)",
    "import multiprocessing.dummy as mp\nmp.Pool(2).map(f, x)",
    "from joblib import Parallel, delayed\nParallel(2, require='sharedmem')(delayed(f)(i) for i in x)",
    "from joblib import Parallel, delayed\nParallel(2, prefer=kind)(delayed(f)(i) for i in x)",
    "from joblib import Parallel, delayed\nParallel(2, backend='threading')(delayed(g)(i, rng) for i in x)",
    "from joblib import Parallel\nParallel(2, return_as='generator_unordered')(tasks)",
    "def run(pool): return [pool.submit(f, i) for i in x]",
    "from util import pool\nlist(pool.map(f, x))",
    "from util import executor\nexecutor.submit(f, 1)",
    "from tqdm.contrib.concurrent import thread_map\nthread_map(f, x)",
    "import dask\ndask.compute(*[dask.delayed(f)(i) for i in x])",
    "from dask import delayed\n@delayed\ndef h(i): return rng.random()",
    "import gevent\ngevent.joinall([gevent.spawn(f, i) for i in x])",
    "import trio\nasync def main(nursery): nursery.start_soon(f, 1)",
    "pool.map_unordered(f, x)",
    "model.share_memory()",
    "import ray\nready, rest = ray.wait(tasks)",
    "from concurrent.futures import ThreadPoolExecutor as P\ngo = P(2).map\ngo(f, x)",
    "from concurrent.futures import ThreadPoolExecutor as P\nP(2).map(fn=f, iterables=x)",
    "from concurrent.futures import ThreadPoolExecutor as P\nP(2).map(g, x, [rng for _ in x])",
    "from concurrent.futures import ThreadPoolExecutor as P\ndef h(t): return t[1].random()\njobs = [(i, rng) for i in x]\nP(2).map(h, jobs)",
    "from concurrent.futures import ThreadPoolExecutor as P\ndef h(r): return r.random()\nall_of = [rng] * 9\nP(2).map(h, all_of)",
    "import queue\ntry: q.get(timeout=1)\nexcept queue.Empty: step()",
]
ADDS = "import asyncio\nasync def f(i, out=found):\n await asyncio.sleep(i)\n out.append(i)\n"
IN_COROUTINES = [
    "loop = asyncio.get_event_loop()\nx = [loop.create_task(f(i)) for i in y]",
    "from asyncio import gather as g\nx = g(*[f(i) for i in y])",
    "x = asyncio.gather(*(f(i, out=mine) for i in y))",
    "async def main(): await asyncio.wait_for(f(1), timeout=1)",
    "asyncio.get_event_loop().call_later(1, h)",
]
SHARED = [
    *(POOL + task + MAPPED for task in IN_TASKS),
    *(DRAWS + pool for pool in IN_POOLS),
    *(ADDS + made for made in IN_COROUTINES),
]
ALONE = [
    "from PIL import Image\ndef f(path): return np.asarray(Image.open(path, 'rb').convert('RGB'))",
    "def f(path):\n with open(path, 'rb') as file: return file.read()",
    "def f(seed):\n g = np.random.default_rng(seed)\n return g.integers(9)",
    "means = {'a': 1.0}\ndef f(row):\n out = {}\n for k, v in row.items(): out[k] = v - means[k]\n return out",
    "import requests\ndef f(url):\n r = requests.get(url, timeout=3)\n r.raise_for_status()\n return r.json()",
    "def f(text): return [w.lower() for w in text.split() if w not in {'a', 'b'}]",
    "def f(path):\n name, end = path.stem, path.suffix\n data = np.load(path)\n data = data / 255\n data += 1\n return name, data",
    "def f(row):\n out = []\n for k, v in enumerate(row): out.append(v * k)\n return out",
    "import json\ndef f(path): return [len(w) for w in json.loads(path.read_bytes())['words'] if w.strip()]",
]
ASKS |= {
    "a = x.keys()\na &= y\nfor key in a: f(key)": {"hashing:keys", "addresses:keys"},
    "for key in x.keys().__and__(y): f(key)": {"hashing:__and__", "addresses:__and__"},
    "import builtins\nlist(builtins.set(words))": {"hashing:set", "addresses:set"},
    "from builtins import set as S\nlist(S(words))": {"hashing:set", "addresses:set"},
    "import builtins\nseed(builtins.hash('a'))": {"hashing:hash", "addresses:hash"},
    "NAMES = set(words)": {"hashing:set", "addresses:set"},
    "class Config:\n NAMES = {a, b}": {"hashing:set", "addresses:set"},
    "from constants import NAMES\nfor name in NAMES: f(name)": {"hashing:NAMES", "addresses:NAMES"},
    "import constants as c\nx = list(c.NAMES)": {"hashing:NAMES", "addresses:NAMES"},
    "from natsort import natsorted as sorted\nsorted(set(names))": {"hashing:set", "addresses:set"},
    "import networkx as nx\nfor part in nx.connected_components(g): f(list(part))": {"hashing:connected_components"},
    "import torch\nw = torch.load(path)\nw[index].sum().backward()": {"scatter:index"},
    "import torch\nw = torch.zeros(3, **more)\nw[index].sum().backward()": {"scatter:index"},
    "import torch\nw = torch.ones(3)\ngetattr(w, 'requires_grad_')()\nw[index].sum().backward()": {"scatter:index"},
    "import torch\nclass M(torch.nn.Module):\n def __getitem__(self, i): return self.table[i]": {"scatter:index"},
    "import torch\nx.__setitem__(ids, v)": {"scatter:__setitem__"},
    "import torch, operator\noperator.setitem(x, ids, v)": {"scatter:setitem"},
    "import torch\ntorch.ops.aten._index_put_impl_(x, [ids], v)": {"scatter:_index_put_impl_"},
    "from torch_scatter import scatter_mean\nscatter_mean(x, ids)": {"scatter:scatter_mean"},
    "from accelerate import Accelerator\ndef step(x): x[ids] += v": {"scatter:write"},
    (
        "import torch\nclass A:\n def __init__(self): self.kept = {}\nclass B:\n"
        " def __init__(self): self.register_buffer('kept', zeros)\n def w(self): self.kept[ids] = 1"
    ): {"scatter:write"},
}

ASKED_OF_FILES = [
    "if not os.path.exists(p): names.remove(p)",
    "x = open(p, 'rb').read()\nif os.path.islink(p): lr = 2",
    "x = open(p, 'rb').read()\nif os.access(p, os.W_OK): lr = 2",
    "x = open(p, 'rb').read()\nif os.path.samefile(p, q): lr = 2",
    "x = open(p, 'rb').read()\nlr = os.stat(p).st_nlink",
    "x = open(p, 'rb').read()\nlr = os.stat(p)[8]",
    "frame.to_csv(log, mode='a')\nn = os.path.getsize(log)",
    "def f(path):\n n = os.path.getsize(path)\n path = path + '.npz'\n return np.load(path)",
    "class A:\n def f(self):\n  n = os.path.getsize(self.path)\n  self.path = g()\n  return open(self.path, 'rb')",
    "def f(config):\n n = os.path.getsize(config['data'])\n config['data'] = g()\n return open(config['data'], 'rb')",
    "class C:\n HAS = os.path.exists(path)",
    "HAS = os.path.exists(CACHE)",
    "def f(self):\n global HAS\n HAS = os.path.exists(path)",
    "def ok(p): return p.exists()\nfiles = [p for p in root.iterdir()]",
    "names = os.listdir(d)\nnames.append(x)\nfor n in names: f(os.path.exists(os.path.join(d, n)))",
    "if os.path.exists(p): m = torch.jit.load(p)",
    "if os.path.exists(p): m = torch.export.load(p)",
    "from rasterio import open\nif os.path.exists(p): m = open(p)",
    "import tensorflow as tf\nif tf.io.gfile.exists(p): lr = 2",
    "from tensorflow.io.gfile import exists\nif exists(p): lr = 2",
    "import aiofiles.os\nif await aiofiles.os.path.exists(p): lr = 2",
    "n = os.path.getsize(p)\nopen(p, 'wb').write(b'')\nx = open(p, 'rb')",
    "import glob\nn = len(glob.glob('runs/*/done.txt'))",
    "from pathlib import Path\nn = len(list(Path('runs').glob('*/DONE')))",
    "import shutil\nlr = 1 if shutil.which('nvcc') else 2",
    "x = os.readlink('latest')",
    "try:\n os.mkdir(d)\nexcept FileExistsError:\n lr = 2",
    "class A:\n def load(self): return self.open()\nfrom other import load\nif p.exists(): load(p)",
    "try:\n os.remove(p)\nexcept FileNotFoundError:\n lr = 2",
    "if not os.path.exists(p):\n  lr = 2\n  logger.error('no')\nmake(p)\nx = open(p, 'rb')",
    "if os.path.exists(p):\n  try:\n    x = other()\n    y = open(p, 'rb')\n  except Exception:\n    pass",
    "def g(p):\n if os.path.exists(p):\n  yield 1\n  x = open(p, 'rb')",
    "if os.path.exists(p):\n  it = os.walk(p)\n",
    "if os.path.exists(p):\n  it = p.iterdir()\n",
    "with open(p, 'ab') as f:\n  if f.tell() == 0: lr = 2",
    "if os.path.exists(p) and rng.random() < 0.5: os.makedirs(q)",
    "if not os.path.exists(p):\n  os.makedirs(os.path.join(out, str(rng.random())))",
    "while True:\n  try:\n    open(p, 'xb')\n    break\n  except FileExistsError:\n    n += 1",
]
"""Programs whose results change with what is there, though what is there is not heard."""
HEARD_OF_FILES = [
    "if os.path.exists(p):\n  try:\n    print('there')\n    x = open(p, 'rb')\n  except OSError: x = None",
    "if os.path.isdir(d):\n  names = sorted(d.iterdir())",
    "from PIL import Image\nif os.path.exists(p): x = Image.open(p)",
    "import glob\nfor p in sorted(glob.glob(os.path.join(d, '*.png'))): f(p)",
    "try:\n  os.makedirs(d)\nexcept FileExistsError:\n  pass",
    "try:\n  os.makedirs(d, exist_ok=True)\nexcept OSError:\n  lr = 2",
    "if os.path.exists(d): shutil.rmtree(os.path.join(d, 'a'))\nimport shutil",
    "def f():\n  there = os.path.exists(p)\n  if there: x = open(p, 'rb')",
    "class A:\n def __init__(self, p):\n  self.p = p\n  if not os.path.exists(self.p): raise OSError\n  x = open(self.p, 'rb')",
    "with open('data', 'rb') as f: f.tell()",
    "from mine.tools import exists\nif exists(mask): x = 1",
]
UNWRITTEN = [
    "x = np.divide(a, b, out=np.empty(n), where=b > 0)",
    "x = np.empty(n)\nnp.add(a, b, out=x, where=m)",
    "x = np.empty(n)\ndecode(a, out=x)",
    "x = np.log(a, out=None, where=a > 0)",
    "x = torch.empty(3).copy_(y, non_blocking=True)",
    "x = torch.empty(3)\nx.copy_(y, non_blocking=True)",
    "class A:\n def __init__(self):\n  self.b = nn.Parameter(torch.empty(3))\n  for p in self.parameters():\n   if p.dim() > 1: nn.init.xavier_uniform_(p)",
    "class A:\n def __init__(self):\n  self.b = nn.Parameter(torch.empty(3))\n  for p in self.parameters():\n   if p.dim() < 2: continue\n   nn.init.xavier_uniform_(p)",
    "class A:\n def __init__(self):\n  self.b = torch.empty(3)\n  for p in self.parameters(): nn.init.zeros_(p)",
    "class A:\n def __init__(self):\n  self.b = torch.empty(3)\n  self.reset()\n def reset(self):\n  if self.frozen: return\n  nn.init.zeros_(self.b)",
    "class A:\n def __init__(self):\n  self.b = torch.empty(3)\n  self.n = self.b.sum()\n  nn.init.zeros_(self.b)",
    "class A:\n def __init__(self):\n  self.b = torch.empty(3)\n  if self.b.shape[0] > 3: nn.init.zeros_(self.b)",
    "class A:\n def __init__(self):\n  self.b = torch.empty(3)\n  self.b.data.copy_(self.b * 2)",
    "from mine import init\nx = torch.empty(3)\ninit.rows_(x)",
    "x = np.empty(n)\nfor i in range(n):\n  x[i] = f(i)\n  s += x.sum()",
    "x = np.empty(n)\nfor i in range(n):\n  i = order[i]\n  x[i] = f(i)",
    "def f(n):\n x = np.empty(n)\n n = n - 1\n for i in range(n): x[i] = i",
    "def f(n):\n try:\n  x = np.empty(n)\n  for i in range(n): x[i] = g(i)\n except StopIteration:\n  pass\n return x",
    "from numpy import *\nx = empty(3)",
    "x = torch.Tensor(n)",
    "x = torch.FloatTensor(y.size())",
    "x = y.new(3, 4)",
    "model = model.to_empty(device='cuda')",
    "model = torch.nn.utils.skip_init(torch.nn.Linear, 3, 3)",
    "x = torch.UntypedStorage(10)",
    "from numba import cuda\nx = cuda.device_array(3)",
    "x = np.empty(n)\nfor i in range(n):\n  if i == 3: break\n  x[i] = i",
    "x = np.empty(n)\nfor i in range(0, n, 2): x[i] = i",
    "x = np.empty(n)\nx[mask] = 1",
    "x = np.empty((n, 3))\nfor i in range(n): x[i, 0] = i",
    "x = np.empty(n).reshape(3, 3)\nx[:] = 1",
    "x = np.empty(n)\ny = x\ny[:2] = 1",
    "x = torch.empty(3)\nif flag: x.fill_(1)",
    "x = np.empty(n)\nwith suppress(E):\n  x[:] = f()",
]
"""Programs that use what was left in memory, or go on where it was not all written."""
WRITTEN = [
    "from tqdm import tqdm\nx = np.empty(n)\nfor i in tqdm(range(n)): x[i] = f(i)",
    "x = torch.FloatTensor(frame.values)",
    "torch.tell(where='here')",
    (
        "class A:\n def __init__(self):\n  self.w = nn.Parameter(torch.empty(3, 4))\n  if bias: self.b = nn.Parameter(torch.empty(3))\n"
        "  self.reset()\n def reset(self):\n  fan, _ = nn.init._calculate_fan_in_and_fan_out(self.w)\n  bound = 1 / self.w.size(1)\n"
        "  nn.init.uniform_(self.w, -bound, bound)\n  if self.b is not None: nn.init.zeros_(self.b)"
    ),
    (
        "class A:\n def __init__(self):\n  self.w = nn.Parameter(torch.empty(3))\n  for p in self.parameters(): nn.init.zeros_(p)"
    ),
    "x = np.empty(n)\nfor i in range(n):\n  x[i] = f(i)\n  print(i, x[i], x[: i + 1].sum(), x.shape, len(x))",
    "x = np.empty(3, object)",
    "x = np.empty(3, dtype=np.object_)",
    "x = torch.LongTensor([1, 2])",
    "ids = [1, 2]\nx = torch.LongTensor(ids)",
    "x = torch.empty(3).copy_(y, non_blocking=False)",
    "import hashlib\nhashlib.new('md5')",
]


def asks_of(source):
    return {word for word in find_calls(source.encode()) if ":" in word}


@pytest.mark.parametrize("source", ASKS)
def test_what_a_source_asks_for_is_seen(source):
    assert asks_of(source) >= ASKS[source]
    assert {word.partition(":")[0] for word in asks_of(source)} == {word.partition(":")[0] for word in ASKS[source]}


@pytest.mark.parametrize("source", SILENT)
def test_what_it_does_not_ask_for_is_not(source):
    assert asks_of(source) == set()


@pytest.mark.parametrize("source", SHARED)
def test_what_tasks_share_is_seen(source):
    assert "racing" in {word.partition(":")[0] for word in asks_of(source)}


@pytest.mark.parametrize("task", ALONE)
def test_what_a_task_has_alone_is_not(task):
    for items in ("range(9)", "paths"):
        asked = asks_of(POOL + task + MAPPED.replace("range(9)", items))
        assert not {word for word in asked if word.startswith("racing:")}


def test_every_kind_is_asked_for_somewhere():
    assert {word.partition(":")[0] for words in ASKS.values() for word in words} == set(ASKED)


PREAMBLE = "import os, torch, numpy as np\nfrom torch import nn\n"


@pytest.mark.parametrize("source", UNWRITTEN)
def test_memory_that_may_be_used_unwritten_is_seen(source):
    assert "unwritten" in {word.partition(":")[0] for word in asks_of(PREAMBLE + source)}


@pytest.mark.parametrize("source", WRITTEN)
def test_memory_that_is_written_first_is_not(source):
    assert "unwritten" not in {word.partition(":")[0] for word in asks_of(PREAMBLE + source)}


@pytest.mark.parametrize("source", ASKED_OF_FILES)
def test_questions_about_files_that_nothing_else_answers_are_seen(source):
    assert "files" in {word.partition(":")[0] for word in asks_of(PREAMBLE + source)}


@pytest.mark.parametrize("source", HEARD_OF_FILES)
def test_questions_about_files_that_are_heard_otherwise_are_not(source):
    assert "files" not in {word.partition(":")[0] for word in asks_of(PREAMBLE + source)}
