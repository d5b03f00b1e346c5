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


def restore_environ(environ, folder):
    """Make ``environ`` what it would be without reprofp; return the folder that takes the report, if any.

    What the parent put into PYTHONPATH is taken out of the middle of a longer value as well: scripts add
    to it. Also returned is whether an empty entry stands where ``folder`` stood.
    """
    reports, before = environ.pop(HOOK, None), environ.pop(PYTHONPATH, None)
    injected = folder + os.pathsep + before if before else folder
    restored = environ.get("PYTHONPATH", "").replace(injected, before or "", 1)
    if restored or before is not None:
        environ["PYTHONPATH"] = restored
    else:
        environ.pop("PYTHONPATH", None)
    if sys.version_info[0] < 3 and before == "":
        return reports, True  # Python 3 takes an empty value for none
    return reports, bool(restored and not before)


def restore_path(folder, left_empty):
    """Take ``folder`` out of sys.path; an empty entry of PYTHONPATH means the current folder."""
    stand_in = [os.getcwd()] if left_empty else []
    for entry in [entry for entry in sys.path if entry == folder]:
        position = sys.path.index(entry)
        sys.path[position : position + 1] = [path for path in stand_in if path not in sys.path]
    sys.path_importer_cache.pop(folder, None)


def listen(folder, reports):
    """Start the listener, which is neither on sys.path nor in sys.modules."""
    from _frozen_importlib_external import SourceFileLoader

    path = os.path.join(folder, "listener.py")
    names = {"__name__": "reprofp_listener", "__file__": path}
    exec(SourceFileLoader("listener", path).get_code("listener"), names)
    names["start"](reports, lambda environ: restore_environ(environ, folder))


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
    folder = os.path.dirname(os.path.abspath(__file__))
    reports, left_empty = restore_environ(os.environ, folder)
    restore_path(folder, left_empty)
    if reports and sys.version_info >= (3, 8):
        try:
            listen(folder, reports)
        except Exception:  # noqa: BLE001, S110 - the program comes first
            pass  # the parent finds no report, and says Unknown
    run_shadowed()


main()
