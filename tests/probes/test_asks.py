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
    "getattr(numpy, name)": {"dynamic:getattr"},
    "loss = w[index].sum()\nloss.backward()": {"scatter:index"},
    "w.index_put_(i, v)": {"scatter:index_put_"},
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
    "",
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


def test_every_kind_is_asked_for_somewhere():
    assert {word.partition(":")[0] for words in ASKS.values() for word in words} == set(ASKED)
