"""Workers of Ray and Dask, by the real packages: what takes a task says whose worker it is, and who hands it out does not."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.frameworks

LOOK = """
def look():
    from reprofp.probes.base import Context
    from reprofp.probes.distributed import DistributedProbe
    fact = DistributedProbe().observe(Context()).facts["launcher",]
    return getattr(fact, "value", None)
"""
RAY = """
import ray
ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
print(ray.get(ray.remote(look).remote()), look())
ray.shutdown()
"""
DASK = """
if __name__ == "__main__":
    from dask.distributed import Client, LocalCluster
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        print(client.submit(look).result(), look())
"""


@pytest.mark.parametrize(("name", "code"), [("ray", RAY), ("distributed", DASK)])
def test_workers_say_whose_they_are(tmp_path, name, code):
    pytest.importorskip(name, reason=f"{name} is not installed: make test-full has it", exc_type=ImportError)
    script = tmp_path / "tasks.py"
    script.write_text(textwrap.dedent(LOOK) + code)
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{'ray' if name == 'ray' else 'dask'} None"
