"""Small real jobs, each giving the bits of its results; and the classes of what its process computed.

Run as ``python workloads.py GROUP MEASURING OPTIONS PRELUDE``: imports the group's frameworks, runs PRELUDE,
then the group's jobs, then measures as at the end of a run, and prints one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location


def digest(*arrays) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(array.tobytes())
    return total.hexdigest()[:16]


def train_torch(model, inputs, targets, steps=12):
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs).flatten(0, -2), targets)
        loss.backward()
        optimizer.step()
    return digest(*(p.detach().numpy() for p in model.parameters()))


def run_mlp():
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(300, 200), torch.nn.ReLU(), torch.nn.Linear(200, 10))
    return train_torch(model, torch.randn(256, 300), torch.randint(0, 10, (256,)))


def run_cnn():
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, padding=1),
        torch.nn.BatchNorm2d(16),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(32 * 8 * 8, 10),
    )
    return train_torch(model, torch.randn(32, 3, 16, 16), torch.randint(0, 10, (32,)), 6)


def run_transformer():
    import torch

    torch.manual_seed(0)
    block = torch.nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True, activation="gelu")
    model = torch.nn.Sequential(torch.nn.Embedding(100, 64), block, torch.nn.Linear(64, 100))
    tokens = torch.randint(0, 100, (16, 32))
    return train_torch(model, tokens, tokens.roll(1, 1).flatten(), 6)


def run_linear_algebra():
    import numpy as np

    rng = np.random.default_rng(0)
    a = rng.standard_normal((300, 120))
    w = np.linalg.lstsq(a, rng.standard_normal(300), rcond=None)[0]
    u, s, _ = np.linalg.svd(a, full_matrices=False)
    return digest(w, u, s, np.linalg.eigh(a.T @ a)[1])


def run_logistic():
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((500, 40)).astype("f4"), rng.integers(0, 2, 500)
    w = np.zeros(40, "f4")
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x @ w)))
        w -= np.float32(0.1) * (x.T @ (p - y.astype("f4"))) / np.float32(500)
    return digest(w)


def make_table():
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 20))
    return x, (x[:, 0] + 0.5 * rng.standard_normal(600) > 0).astype(int)


def run_sklearn_linear():
    from sklearn.linear_model import LogisticRegression, Ridge

    x, y = make_table()
    return digest(LogisticRegression().fit(x, y).coef_, Ridge().fit(x, y.astype(float)).coef_)


def run_sklearn_cluster():
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    x, _ = make_table()
    fitted = KMeans(5, n_init=2, random_state=0).fit(x)
    return digest(fitted.cluster_centers_, PCA(5).fit(x).components_)


def run_sklearn_trees():
    from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor

    x, y = make_table()
    fitted = [
        GradientBoostingRegressor(n_estimators=10, random_state=0).fit(x, y),
        HistGradientBoostingRegressor(max_iter=10, random_state=0).fit(x, y),
    ]
    return digest(*(one.predict(x) for one in fitted))


def run_sklearn_svm():
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    x, y = make_table()
    net = MLPClassifier((32,), max_iter=8, random_state=0, early_stopping=True).fit(x, y)
    return digest(SVC().fit(x, y).dual_coef_, *net.coefs_)


def run_jax_mlp():
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((256, 100)).astype("f4"), rng.standard_normal((256, 1)).astype("f4")
    weights = [rng.standard_normal((100, 64)).astype("f4") / 10, rng.standard_normal((64, 1)).astype("f4") / 8]

    def loss(w):
        return jnp.mean((jnp.tanh(x @ w[0]) @ w[1] - y) ** 2)

    step = jax.jit(lambda w: [p - 0.1 * g for p, g in zip(w, jax.grad(loss)(w), strict=True)])
    for _ in range(20):
        weights = step(weights)
    return digest(*map(np.asarray, weights))


GROUPS = {
    "numpy": (("numpy",), {"linear algebra": run_linear_algebra, "logistic": run_logistic}),
    "sklearn": (
        ("numpy", "sklearn.linear_model"),
        {
            "sklearn linear": run_sklearn_linear,
            "sklearn clusters": run_sklearn_cluster,
            "sklearn trees": run_sklearn_trees,
            "sklearn SVM, MLP": run_sklearn_svm,
        },
    ),
    "torch": (("torch",), {"MLP": run_mlp, "CNN": run_cnn, "transformer": run_transformer}),
    "jax": (("jax",), {"jax MLP": run_jax_mlp}),
}


def load(path):
    spec = spec_from_file_location("measuring", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(group, measuring, options, prelude):
    modules, jobs = GROUPS[group]
    loaded = {name.partition(".")[0]: __import__(name) for name in modules}
    exec(prelude, loaded)
    results = {name: job() for name, job in jobs.items()}
    began = time.process_time()
    raw = load(measuring).measure(json.loads(options))
    print(json.dumps({"results": results, "numerics": raw, "cpu_s": time.process_time() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
