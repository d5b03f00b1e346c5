"""Found first by Python's ``site`` when reprofp runs a command: starts the listener and gets out of the way.

Every Python that inherits PYTHONPATH reads this file, so it must compile under all of them, Python 2
included. What the program then sees is what it would have seen without reprofp: the same PYTHONPATH,
sys.path, environment, and the sitecustomize module that this one shadows, or none.
"""

# mypy: ignore-errors
# Annotations do not parse in Python 2.
import os
import sys

HOOK = "REPROFP_HOOK"
PYTHONPATH = "REPROFP_HOOK_PYTHONPATH"


def restore():
    """Undo what brought this file here; return its folder and the folder that takes the report, if any."""
    folder = os.path.dirname(os.path.abspath(__file__))
    reports, before = os.environ.pop(HOOK, None), os.environ.pop(PYTHONPATH, None)
    injected = folder + os.pathsep + before if before else folder
    now = os.environ.get("PYTHONPATH", "")
    restored = now.replace(injected, before or "", 1)
    if restored or before is not None:
        os.environ["PYTHONPATH"] = restored
    else:
        os.environ.pop("PYTHONPATH", None)
    # A program that put a folder in front of an empty PYTHONPATH has the current folder where this one stands.
    stand_in = [os.getcwd()] if restored and not before else []
    for entry in [entry for entry in sys.path if entry == folder]:
        position = sys.path.index(entry)
        sys.path[position : position + 1] = [path for path in stand_in if path not in sys.path]
    sys.path_importer_cache.pop(folder, None)
    return folder, reports


def listen(folder, reports):
    """Start the listener, which is neither on sys.path nor in sys.modules."""
    from _frozen_importlib_external import SourceFileLoader

    path = os.path.join(folder, "listener.py")
    names = {"__name__": "reprofp_listener", "__file__": path}
    exec(SourceFileLoader("listener", path).get_code("listener"), names)
    names["start"](reports)


def run_shadowed():
    """Load the sitecustomize that would have been found without this one, in its place."""
    if sys.version_info[0] < 3:
        del sys.modules["sitecustomize"]
        __import__("sitecustomize")
        return
    import _frozen_importlib

    for finder in sys.meta_path:
        spec = finder.find_spec("sitecustomize", None) if hasattr(finder, "find_spec") else None
        if spec is not None:
            break
    else:
        # As the import system says it: site takes this for "there is none", and no trace is left.
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")
    module = _frozen_importlib.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def main():
    """Observe if this interpreter can; whatever happens, the program goes on as it would have."""
    folder, reports = restore()
    if reports and sys.version_info >= (3, 8):
        try:
            listen(folder, reports)
        except Exception:  # noqa: BLE001, S110 - the program comes first
            pass  # the parent finds no report, and says Unknown
    run_shadowed()


main()
