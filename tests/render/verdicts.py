"""Hand-made verdicts that the tests of what is shown share."""

from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.schema import Side
from reprofp.verdict.levels import Interval, Level
from reprofp.verdict.metrics import MetricComparison
from reprofp.verdict.results import ExperimentVerdict, Reason, Verdict

BITS = Interval(Level.BITWISE, Level.BITWISE)
OPEN = Interval(Level.STATISTICAL, Level.BITWISE)
STATISTICAL = Interval(Level.STATISTICAL, Level.STATISTICAL)
NOTHING = Interval(Level.INCOMPARABLE, Level.INCOMPARABLE)
NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)


def reason(path, a, b, *, kind="differs", side=Side.CONDITIONS, level=Level.STATISTICAL, lowers="both", **rest):
    said = {"rule": "a.rule", "active": "active", "why": "it changes the order of sums", **rest}
    return Reason(tuple(path.split(".")), a, b, kind, side, level=level, lowers=lowers, **said)


LR = reason(
    "config.lr",
    Observed(0.1),
    Observed(0.01),
    side=Side.EXPERIMENT,
    level=None,
    rule="config.value",
    why="a hyper-parameter",
)
BATCH = reason(
    "config.batch",
    Observed(32),
    Observed(64),
    side=Side.EXPERIMENT,
    level=None,
    rule="config.value",
    why="a hyper-parameter",
)
THREADS = reason(
    "threads.openblas.libscipy_openblas64_.threads",
    Observed(1),
    Observed(2),
    rule="threads.openblas",
    why="OpenBLAS splits matrices by the number of threads, which changes the order of sums",
    remedy="export OPENBLAS_NUM_THREADS=1",
)
HASH_SEED = reason(
    "python.hash_seed",
    Observed("random"),
    Observed("random"),
    kind="gate",
    lowers="promised",
    active="unknown",
    rule="python.hash_seed",
    why="the order of sets of strings changes from process to process",
    remedy="export PYTHONHASHSEED=0",
)
CPU = reason(
    "cpu.model",
    Observed(85),
    Observed(143),
    lowers="promised",
    rule="cpu.model",
    why="libraries choose kernels by the processor",
    mark="measured equal",
)
FLAGS = tuple(
    reason(
        f"cpu.isa.{flag}",
        a,
        b,
        rule="cpu.isa",
        why="kernels are chosen by instruction set",
        remedy="cap both: NPY_DISABLE_CPU_FEATURES",
    )
    for flag, a, b in (
        ("amx_tile", ABSENT, Observed(value=True)),
        ("avx512_bf16", ABSENT, Observed(value=True)),
        ("avx512er", Observed(value=True), ABSENT),
    )
)
PACKAGES = tuple(
    reason(
        f"packages.installed.p{number}.version",
        Observed("1.0"),
        Observed("1.1"),
        rule="packages.version",
        why="another release",
    )
    for number in range(12)
)
CUDNN = reason(
    "cuda.loaded.libcudnn",
    Observed("9.2.0"),
    Unknown(UnknownCode.NOT_LOADED),
    kind="unknown",
    lowers="promised",
    rule="cuda.cudnn",
    why="convolutions",
    remedy="record b after its first step",
)
DATA = reason(
    "datasets",
    Observed("blake3:" + "ab" * 32),
    NOT_ASKED,
    kind="unknown",
    side=Side.EXPERIMENT,
    level=None,
    lowers="promised",
    rule="datasets",
    why="data was not declared",
    remedy="--data NAME=PATH",
)
SEED = reason(
    "rng.seeds.seed", Observed(1), Observed(2), side=Side.EXPERIMENT, rule="rng.seed", why="another random stream"
)
HOST = reason(
    "os.kernel.release",
    Observed("6.1.0"),
    Observed("6.8.0"),
    lowers="nothing",
    active="inactive",
    level=None,
    rule="os.kernel",
    why="the kernel computes nothing",
)


def verdict(**parts):
    counts = {"equal": 181, "irrelevant": 4, "unknown": 0, "rules_version": "rules/1 0123456789ab"}
    return Verdict(**{**counts, **parts})


VERDICTS = {
    "same_record": verdict(same_record=True),
    "equal": verdict(),
    "one_difference": verdict(experiment=ExperimentVerdict(differs=(LR,)), overall=NOTHING),
    "two_differences": verdict(experiment=ExperimentVerdict(differs=(LR, BATCH)), overall=NOTHING),
    "varied": verdict(experiment=ExperimentVerdict(varied=(LR,))),
    "varied_but_open": verdict(
        experiment=ExperimentVerdict(varied=(LR,)), conditions=OPEN, overall=OPEN, reasons=(HASH_SEED,)
    ),
    "seeds": verdict(experiment=ExperimentVerdict(differs=(SEED,)), overall=STATISTICAL),
    "threads": verdict(conditions=STATISTICAL, overall=STATISTICAL, reasons=(THREADS,)),
    "hash_seed": verdict(conditions=OPEN, overall=OPEN, reasons=(HASH_SEED,)),
    "unknown": verdict(conditions=OPEN, overall=OPEN, missing=(CUDNN,), unknown=1),
    "snapshots": verdict(
        conditions=Interval(Level.INCOMPARABLE, Level.BITWISE),
        overall=Interval(Level.INCOMPARABLE, Level.BITWISE),
        missing=(CUDNN,),
        unknown=14,
        experiment=ExperimentVerdict(unknown=(DATA,)),
        notes=("nothing observed differs", "neither record is of a run: 14 facts need one"),
    ),
    "many": verdict(
        conditions=STATISTICAL,
        overall=NOTHING,
        reasons=(*FLAGS, THREADS, *PACKAGES, CPU, HASH_SEED, HOST),
        missing=(CUDNN,),
        unknown=1,
        experiment=ExperimentVerdict(differs=(LR,), unknown=(DATA,)),
        metrics=(
            MetricComparison("loss", 1, 1, 0.412, 0.415, 0.00728, 0.01, mark="no inference"),
            MetricComparison(
                "accuracy", 5, 5, 0.9, 0.9, 0.0, 0.01, equivalent=True, p_value=0.01, interval=(-0.001, 0.001)
            ),
        ),
    ),
    "before_run": verdict(before_run=True, settles_later=(CUDNN, DATA)),
    "before_run_open": verdict(
        before_run=True, conditions=OPEN, overall=OPEN, reasons=(HASH_SEED,), settles_later=(CUDNN,)
    ),
}
