"""The public names of the package."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import reprofp


@pytest.mark.parametrize("name", reprofp.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(reprofp, name)
    assert name in dir(reprofp)
    assert isinstance(value, str) or value.__doc__
    assert getattr(reprofp, name) is value


def test_no_other_names():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        reprofp.nonsense  # noqa: B018


def test_no_module_shadows_a_public_name():
    modules = {module.name for module in pkgutil.iter_modules(reprofp.__path__)}
    assert not modules & set(reprofp.__all__)


def test_functions_stay_functions_when_everything_is_imported():
    script = (
        "import importlib, pkgutil, reprofp\n"
        "for module in pkgutil.walk_packages(reprofp.__path__, 'reprofp.'):\n"
        "    if '.child' not in module.name and '__main__' not in module.name:\n"
        "        importlib.import_module(module.name)\n"
        "assert all(callable(getattr(reprofp, name)) for name in ('compare', 'snapshot', 'load', 'run'))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_homes_agree_with_all():
    assert set(reprofp._HOME_OF) | {"__version__"} == set(reprofp.__all__)
    for home, names in reprofp._HOMES.items():
        module = importlib.import_module(home)
        assert all(hasattr(module, name) for name in names)
