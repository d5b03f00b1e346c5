"""Makes the fixtures of this folder with the tools themselves: run it with a Python that has them.

    python -m venv tools
    tools/bin/pip install wandb==0.31.0 sacred==0.8.7 uv==0.13.9 mlenv-cli==0.2.0 mlflow-skinny==3.17.2 poetry==2.5.1 \
        pipenv==2026.10.3 numpy
    tools/bin/python make_fixtures.py fixtures

``collect_env.txt`` is ``python -m torch.utils.collect_env`` of torch 2.13.0 (CPU); ``collect_env_gpu.txt`` is the same
text with the lines of a machine with GPUs as torch/utils/collect_env.py prints them; ``conda-explicit.txt`` and
``environment.yml`` are of the form that ``conda list --explicit --md5`` and ``conda env export`` print (conda 23.x).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent
PROJECT = """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["numpy==2.2.6", "tqdm", "colorama; sys_platform == 'win32'"]

[project.optional-dependencies]
extra = ["pyyaml"]

[dependency-groups]
dev = ["iniconfig"]
"""


def run(*words, cwd, **environ):
    subprocess.run(words, cwd=cwd, check=True, env={**os.environ, **environ}, stdout=sys.stderr)


def make_freeze(target, work):
    text = subprocess.run([BIN / "pip", "freeze"], check=True, capture_output=True, text=True, cwd=work).stdout
    (target / "freeze.txt").write_text(text)


def make_locks(target, work):
    (work / "pyproject.toml").write_text(PROJECT)
    run(BIN / "uv", "lock", "--quiet", cwd=work)
    shutil.copy(work / "uv.lock", target / "uv.lock")
    run(BIN / "poetry", "lock", "--quiet", cwd=work)
    shutil.copy(work / "poetry.lock", target / "poetry.lock")
    (work / "pyproject.toml").unlink()
    (work / "Pipfile").write_text('[packages]\nnumpy = "==2.2.6"\ntqdm = "*"\n[dev-packages]\niniconfig = "*"\n')
    run(BIN / "pipenv", "lock", "--quiet", cwd=work, PIPENV_IGNORE_VIRTUALENVS="1")
    shutil.copy(work / "Pipfile.lock", target / "Pipfile.lock")


def make_wandb(target, work):
    script = (
        "import wandb\n"
        "run = wandb.init(mode='offline', project='demo', config={'lr': 0.1, 'model': {'depth': 2}, 'api_key': 'k' * 40,"
        " 'name': None})\n"
        "for step in range(3):\n    run.log({'loss': 1 / (step + 1), 'acc': step / 3})\n"
        "print('epoch 0')\nrun.finish()\n"
    )
    (work / "train.py").write_text(script)
    run(sys.executable, "train.py", "--lr", "0.1", cwd=work, WANDB_SILENT="true")
    (files,) = (work / "wandb").glob("offline-run-*/files")
    shutil.rmtree(target / "wandb", ignore_errors=True)
    shutil.copytree(files, target / "wandb")


def make_mlflow(target, work):
    script = (
        "import mlflow\n"
        "mlflow.set_tracking_uri('file:./mlruns')\n"
        "with mlflow.start_run():\n"
        "    mlflow.log_params({'lr': 0.1, 'epochs': 3, 'shuffle': True, 'name': None, 'model/depth': 2})\n"
        "    for step in range(3):\n        mlflow.log_metric('loss', 1 / (step + 1), step=step)\n"
        "    class Model(mlflow.pyfunc.PythonModel):\n"
        "        def predict(self, context, model_input, params=None):\n            return model_input\n"
        "    try:\n        mlflow.pyfunc.log_model(artifact_path='model', python_model=Model())\n"
        "    except Exception as error:\n        print('no model:', error)\n"
    )
    (work / "flow.py").write_text(script)
    run(sys.executable, "flow.py", cwd=work, MLFLOW_ALLOW_FILE_STORE="true")
    run_folder = next(path.parent for path in (work / "mlruns").glob("*/*/meta.yaml"))
    shutil.rmtree(target / "mlflow", ignore_errors=True)
    shutil.copytree(run_folder, target / "mlflow")
    for model in (work / "mlruns").glob("*/models/*/artifacts"):
        shutil.copytree(model, target / "mlflow" / "artifacts" / "model")


def make_sacred(target, work):
    script = (
        "from sacred import Experiment\nfrom sacred.observers import FileStorageObserver\n"
        "ex = Experiment('demo', save_git_info=False)\nex.observers.append(FileStorageObserver('sacred'))\n"
        "import numpy\n"
        "@ex.config\ndef config():\n    lr = 0.1\n    model = {'depth': 2, 'shape': (2, 3)}\n    seed = 7\n"
        "@ex.main\ndef main(_run, lr):\n    for step in range(3):\n        _run.log_scalar('loss', 1 / (step + 1), step)\n"
        "    return 0.5\n"
        "if __name__ == '__main__':\n    ex.run()\n"
    )
    (work / "sac.py").write_text(script)
    run(sys.executable, "sac.py", cwd=work)
    shutil.rmtree(target / "sacred", ignore_errors=True)
    shutil.copytree(work / "sacred" / "1", target / "sacred")


def make_mlenv(target, work):
    run(BIN / "mlenv", "snapshot", "--help", cwd=work)


def main():
    target = Path(sys.argv[1]).absolute()
    target.mkdir(exist_ok=True)
    for make in (make_freeze, make_locks, make_wandb, make_mlflow, make_sacred, make_mlenv):
        with tempfile.TemporaryDirectory() as folder:
            try:
                make(target, Path(folder))
            except (subprocess.SubprocessError, OSError, ValueError, StopIteration) as error:
                sys.stderr.write(f"{make.__name__}: {error}\n")


if __name__ == "__main__":
    main()
