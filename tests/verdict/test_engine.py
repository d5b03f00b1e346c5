"""Comparing records: the table of pairs, and what each kind of reason does."""

from typing import ClassVar

import pytest

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import Phase
from reprofp.verdict import Level, answer_requirement, compare
from verdict.records import FULL, GONE, GPU, STATIC, UNKNOWN, drop_facet, make_facets, make_run, make_snapshot

BITWISE, STATISTICAL, FUNCTIONAL, INCOMPARABLE = reversed(Level)
THREADS = "threads.openblas.libscipy_openblas64_.threads"
LR = ("config", "lr")


def ends(interval):
    return interval.promised, interval.possible


def paths(reasons):
    return [".".join(reason.path) for reason in reasons]


def compare_changed(changes_a, changes_b=None, **options):
    return compare(make_run(changes_a), make_run(changes_b or {}, time_ns=2), **options)


class TestTableOfPairs:
    """The pairs by which the design explains verdicts, each asked for bitwise."""

    def test_two_bare_snapshots_of_one_machine(self):
        verdict = compare(make_snapshot(STATIC, Phase.STATIC), make_snapshot({**STATIC}, Phase.STATIC, key_id="other"))
        assert not verdict.reasons
        assert "nothing observed differs" in verdict.notes
        assert any(note.endswith("facts need a run") for note in verdict.notes)
        assert {"code", "config", "datasets", "weights", "rng"} <= set(paths(verdict.experiment.unknown))
        assert verdict.overall.possible is BITWISE
        assert answer_requirement(verdict, BITWISE) == 2

    def test_same_seeded_script_twice_with_a_random_hash_seed(self):
        verdict = compare_changed({"python.hash_seed": "random"}, {"python.hash_seed": "random"})
        assert ends(verdict.conditions) == (STATISTICAL, BITWISE)
        assert answer_requirement(verdict, BITWISE) == 2
        assert [(reason.kind, reason.remedy) for reason in verdict.reasons] == [("gate", "PYTHONHASHSEED=0")]

    def test_the_same_with_a_fixed_hash_seed(self):
        verdict = compare_changed({})
        assert ends(verdict.overall) == (BITWISE, BITWISE)
        assert not verdict.reasons
        assert not verdict.missing
        assert answer_requirement(verdict, BITWISE) == 0

    def test_another_learning_rate(self):
        verdict = compare_changed({}, {"config.lr": 0.01})
        assert ends(verdict.conditions) == (BITWISE, BITWISE)
        assert paths(verdict.experiment.differs) == ["config.lr"]
        assert verdict.experiment.level is None
        assert answer_requirement(verdict, BITWISE) == 1

    @pytest.mark.parametrize("prefix", [LR, ("config",)])
    def test_another_learning_rate_on_purpose(self, prefix):
        verdict = compare_changed({}, {"config.lr": 0.01}, vary=[prefix])
        assert paths(verdict.experiment.varied) == ["config.lr"]
        assert not verdict.experiment.differs
        assert answer_requirement(verdict, BITWISE) == 0

    MEASURED: ClassVar = {"numerics.libm.elementwise": "aa", "numerics.numpy.matmul": "bb"}

    def test_another_cpu_with_all_classes_measured_equal(self):
        verdict = compare_changed(self.MEASURED, {**self.MEASURED, "cpu.model": 18})
        assert ends(verdict.conditions) == (STATISTICAL, BITWISE)
        assert [reason.mark for reason in verdict.reasons] == ["measured equal"]
        assert answer_requirement(verdict, BITWISE) == 2
        assert answer_requirement(verdict, BITWISE, accept_measured=True) == 0

    def test_another_cpu_not_measured(self):
        verdict = compare_changed({}, {"cpu.model": 18})
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)
        assert answer_requirement(verdict, BITWISE) == 1
        assert answer_requirement(verdict, STATISTICAL) == 0

    H100: ClassVar = {
        **GPU,
        "gpu.device.0.name": "NVIDIA H100 80GB HBM3",
        "gpu.device.0.compute_capability": "9.0",
        "gpu.device.0.sm_count": 132,
    }

    def test_a100_against_h100(self):
        verdict = compare_changed(GPU, self.H100)
        assert ends(verdict.overall) == (STATISTICAL, STATISTICAL)
        assert paths(verdict.reasons) == ["gpu.device.0.name"]
        assert not verdict.missing
        assert answer_requirement(verdict, BITWISE) == 1

    def test_a_record_against_itself(self):
        run = make_run({"python.hash_seed": "random", "os.libc.version": UNKNOWN})
        verdict = compare(run, run)
        assert verdict.same_record
        assert ends(verdict.overall) == (BITWISE, BITWISE)
        assert (verdict.reasons, verdict.missing) == ((), ())
        assert answer_requirement(verdict, BITWISE) == 0

    def test_a_record_against_a_copy_of_itself(self):
        assert compare(make_run(), make_run()).same_record


class TestDifferences:
    def test_a_thread_count_comes_first(self):
        verdict = compare_changed(
            {}, {THREADS: 1, "env.OMP_NUM_THREADS": "1", "threads.affinity.count": 1, "cpu.model": 18}
        )
        assert verdict.reasons[0].path == ("threads", "openblas", "libscipy_openblas64_", "threads")
        assert verdict.reasons[0].remedy == "OPENBLAS_NUM_THREADS=2 (or OMP_NUM_THREADS=2) on both sides"

    def test_a_variable_for_threads_does_not_count_where_the_threads_are_known(self):
        verdict = compare_changed({}, {"env.OMP_NUM_THREADS": "1"})
        assert ends(verdict.overall) == (BITWISE, BITWISE)
        assert verdict.irrelevant > compare_changed({}).irrelevant

    @pytest.mark.parametrize(
        ("before", "after", "level"),
        [("2.1.3", "2.1.4", STATISTICAL), ("2.1.3", "2.2.0", STATISTICAL), ("1.26.4", "2.1.3", FUNCTIONAL)],
    )
    def test_versions(self, before, after, level):
        verdict = compare_changed(
            {"packages.imported.numpy.version": before}, {"packages.imported.numpy.version": after}
        )
        assert ends(verdict.conditions) == (level, level)

    def test_a_package_is_named_once(self):
        changes = {
            "packages.imported.numpy.version": "2.2.0",
            "packages.installed.numpy.version": "2.2.0",
            "packages.installed.numpy.record": "sha256:dd",
            "framework.numpy.version": "2.2.0",
            "framework.numpy.blas.version": "0.3.28",
        }
        assert paths(compare_changed({}, changes).reasons) == ["packages.imported.numpy.version"]

    def test_a_package_that_was_not_imported_is_irrelevant(self):
        verdict = compare_changed({}, {"packages.installed.pandas.version": "1.0", "packages.installed.x.version": "1"})
        assert ends(verdict.overall) == (BITWISE, BITWISE)

    def test_without_a_run_it_may_be_imported(self):
        changed = {**STATIC, "packages.installed.pandas.version": "2.1.0"}
        verdict = compare(make_snapshot(STATIC, Phase.STATIC), make_snapshot(changed, Phase.STATIC))
        (reason,) = verdict.reasons
        assert (reason.active, reason.lowers, reason.level) == ("unknown", "promised", STATISTICAL)

    def test_a_fact_that_no_rule_knows_lowers_the_promise(self):
        verdict = compare_changed({"python.colour": "red"}, {"python.colour": "blue"})
        assert ends(verdict.conditions) == (STATISTICAL, BITWISE)
        assert verdict.reasons[0].rule == "catch-all"

    def test_a_facet_of_a_newer_release_is_unknown_even_where_equal(self):
        newer = {"cpu": Facet("cpu", 99, {("vendor",): Observed("x")})}
        ends_with = [Snapshot(1, Phase.END, {**make_facets(FULL), **newer}, SideBlob(salt=b"s"), t) for t in "ab"]
        verdict = compare(*(make_run(end=end) for end in ends_with))
        assert ends(verdict.conditions) == (STATISTICAL, BITWISE)
        assert "cpu" in paths(verdict.missing)

    def test_one_one_point_zero_and_true_are_three_values(self):
        assert ends(compare_changed({"config.n": 1}, {"config.n": 1.0}).overall)[0] is INCOMPARABLE
        assert ends(compare_changed({"config.n": 1}, {"config.n": True}).overall)[0] is INCOMPARABLE
        assert ends(compare_changed({"config.n": [0.0]}, {"config.n": [-0.0]}).overall)[0] is INCOMPARABLE
        assert ends(compare_changed({"config.n": float("nan")}, {"config.n": float("nan")}).overall)[0] is BITWISE

    def test_what_is_ignored_counts_nowhere(self):
        verdict = compare_changed({}, {THREADS: 1}, ignore=[("threads",)])
        assert ends(verdict.overall) == (BITWISE, BITWISE)
        assert "1 ignored by request" in verdict.notes

    def test_a_prefix_that_varies_nothing_is_told(self):
        assert any("config.lrr" in note for note in compare_changed({}, vary=[("config", "lrr")]).notes)


class TestUnknown:
    def test_lowers_only_the_promise_to_the_worst_of_its_rule(self):
        verdict = compare_changed({"packages.imported.numpy.version": UNKNOWN})
        assert ends(verdict.conditions) == (FUNCTIONAL, BITWISE)
        assert paths(verdict.missing) == ["packages.imported.numpy.version"]

    def test_does_not_count_where_the_factor_is_inactive(self):
        assert ends(compare_changed({"gpu": UNKNOWN}).overall) == (BITWISE, BITWISE)

    def test_a_run_without_end_promises_little(self):
        verdict = compare(make_run(), make_run(end=None))
        assert verdict.conditions.promised < STATISTICAL
        assert verdict.conditions.possible is BITWISE
        assert any("did not report at its end" in note for note in verdict.notes)

    def test_of_the_experiment_lowers_the_sum_only(self):
        verdict = compare_changed({"datasets.declared.train.digest": UNKNOWN})
        assert ends(verdict.conditions) == (BITWISE, BITWISE)
        assert ends(verdict.overall) == (INCOMPARABLE, BITWISE)

    @pytest.mark.parametrize("facet", ["config", "weights", "packages", "env"])
    def test_a_facet_that_nobody_looked_for_is_not_absent(self, facet):
        facts = drop_facet(FULL, facet)
        verdict = compare(*(make_run(end=make_snapshot(facts, key_id=key)) for key in "ab"))
        assert facet in paths(verdict.missing)

    def test_a_snapshot_beside_a_run_lacks_what_the_process_does(self):
        verdict = compare(make_run(), make_snapshot(FULL, Phase.START))
        assert not verdict.reasons
        assert verdict.overall.possible is BITWISE
        assert verdict.overall.promised < BITWISE

    def test_what_did_not_happen_so_far_may_happen_yet(self):
        snapshots = [make_snapshot(FULL, Phase.START, key_id=key) for key in "ab"]
        assert "usage.network" in paths(compare(*snapshots).missing)
        assert "usage.network" not in paths(compare(make_run(), make_run(time_ns=2)).missing)

    def test_a_group_of_facts_that_is_unknown_is_named_once(self):
        verdict = compare_changed({"packages": UNKNOWN})
        assert [path for path in paths(verdict.missing) if path.startswith("packages")] == ["packages"]

    def test_nothing_there_is_no_unknown_beside_what_is_there(self):
        assert not compare_changed(GPU).missing

    def test_most_helpful_first(self):
        verdict = compare(make_snapshot(STATIC, Phase.STATIC), make_snapshot({**STATIC}, Phase.STATIC, key_id="x"))
        order = paths(verdict.missing)
        # What the sum needs first; then what decides which factors are active; then fact by fact.
        assert order.index("datasets") < order.index("usage") < order.index("floating_point") < order.index("threads")


class TestExperiment:
    @pytest.mark.parametrize("path", ["rng.seeds.seed", "rng.numpy.legacy.state", "datasets.declared.train.order"])
    def test_seeds_and_order_leave_statistical(self, path):
        verdict = compare_changed({path: "1"}, {path: "2"})
        assert ends(verdict.conditions) == (BITWISE, BITWISE)
        assert ends(verdict.overall) == (STATISTICAL, STATISTICAL)
        assert verdict.experiment.level is STATISTICAL

    @pytest.mark.parametrize(
        "path", ["code.sources.syntax", "datasets.declared.train.digest", "weights.w.digest", "config.x", "code.entry"]
    )
    def test_code_data_weights_and_config_make_another(self, path):
        verdict = compare_changed({path: "1"}, {path: "2"})
        assert ends(verdict.overall) == (INCOMPARABLE, INCOMPARABLE)
        assert verdict.experiment.level is None

    def test_comments_are_no_difference(self):
        changes = {"code.sources.digest": "sha256:99", "code.git.commit": "def", "code.git.dirty": "sha256:dd"}
        assert ends(compare_changed({}, changes).overall) == (BITWISE, BITWISE)

    def test_a_commit_counts_where_the_loaded_sources_are_not_known(self):
        unknown = {"code.sources.syntax": UNKNOWN, "code.sources.digest": UNKNOWN}
        verdict = compare_changed({}, {"code.git.commit": "def", **unknown})
        assert ends(verdict.overall) == (INCOMPARABLE, BITWISE)

    def test_a_tree_that_was_not_looked_at_is_equal_where_the_text_is(self):
        verdict = compare_changed({}, {"code.git.commit": "def", "code.sources.syntax": UNKNOWN})
        assert ends(verdict.overall) == (BITWISE, BITWISE)

    def test_a_tree_that_was_not_looked_at_is_not_known_where_the_text_differs(self):
        changes = {"code.sources.digest": "sha256:other", "code.sources.syntax": UNKNOWN}
        assert ends(compare_changed({}, changes).overall) == (INCOMPARABLE, BITWISE)

    def test_another_seed_among_the_parameters_is_another_sample(self):
        verdict = compare_changed({"config.seed": 0}, {"config.seed": 1})
        assert ends(verdict.overall) == (STATISTICAL, STATISTICAL)

    @pytest.mark.parametrize("kind", ["clock", "completion", "identity", "native", "stamps", "stdin"])
    def test_what_no_two_runs_share_is_not_promised(self, kind):
        calls = {f"usage.calls.{kind}": ["some.call"]}
        assert ends(compare_changed(calls, calls).overall) == (STATISTICAL, BITWISE)

    def test_what_other_processes_did_is_not_promised(self):
        started = {"usage.processes.python": 1}
        assert ends(compare_changed(started, started).conditions) == (STATISTICAL, BITWISE)

    def test_programs_that_tell_of_the_machine_do_not_count(self):
        started = {"usage.processes.lscpu": 1}
        assert ends(compare_changed(started, started).overall) == (BITWISE, BITWISE)

    def test_what_one_process_has_in_force_decides_nothing_for_the_others(self):
        started = {"usage.processes.python": 1}
        verdict = compare_changed(started, {**started, "env.OPENBLAS_CORETYPE": "Sandybridge"})
        assert verdict.reasons[0].path == ("env", "OPENBLAS_CORETYPE")

    def test_a_weights_file_with_the_same_tensors_is_the_same(self):
        same = {"weights.w.digest": "blake3-tensors:1"}
        verdict = compare_changed(
            {**same, "weights.w.file_digest": "blake3:1"}, {**same, "weights.w.file_digest": "blake3:2"}
        )
        assert ends(verdict.overall) == (BITWISE, BITWISE)

    def test_varied_seeds_lower_nothing(self):
        verdict = compare_changed({}, {"rng.seeds.seed": 2}, vary=[("rng", "seeds")])
        assert ends(verdict.overall) == (BITWISE, BITWISE)


class TestGates:
    @pytest.mark.parametrize(
        ("changes", "interval"),
        [
            ({"usage.entropy.numpy": 1}, (STATISTICAL, STATISTICAL)),
            ({"usage.entropy.__main__": 2}, (STATISTICAL, STATISTICAL)),
            ({"usage.entropy.some_library": 1}, (STATISTICAL, BITWISE)),
            ({"usage.entropy.multiprocessing": 1}, (BITWISE, BITWISE)),
            ({"usage.network": True}, (STATISTICAL, BITWISE)),
            ({"usage.listing.data": "sha256:00"}, (BITWISE, BITWISE)),
            ({"usage.listing.data": UNKNOWN}, (STATISTICAL, BITWISE)),
            ({"threads.openmp.libgomp.dynamic": True, "threads.openmp.libgomp.threads": 4}, (STATISTICAL, STATISTICAL)),
            ({"threads.openmp.libgomp.dynamic": True, "threads.openmp.libgomp.threads": 1}, (BITWISE, BITWISE)),
            ({"threads.mkl.libmkl_rt.dynamic": True, "threads.mkl.libmkl_rt.threads": 4}, (STATISTICAL, BITWISE)),
            ({"floating_point.rounding": "upward"}, (FUNCTIONAL, FUNCTIONAL)),
            ({**GPU, "env.CUBLAS_WORKSPACE_CONFIG": ABSENT}, (STATISTICAL, STATISTICAL)),
            ({"env.CUBLAS_WORKSPACE_CONFIG": ABSENT}, (BITWISE, BITWISE)),
        ],
    )
    def test_are_unsafe_even_when_equal(self, changes, interval):
        assert ends(compare_changed(changes, changes).conditions) == interval

    def test_another_order_of_names_lowers_the_promise(self):
        verdict = compare_changed({"usage.listing.data": "sha256:00"}, {"usage.listing.data": "sha256:11"})
        assert ends(verdict.conditions) == (STATISTICAL, BITWISE)

    def test_equal_openblas_threads_are_no_gate(self):
        assert not compare_changed({THREADS: 8}, {THREADS: 8}).reasons

    def test_corruption_counts_only_when_observed(self):
        seen = {**GPU, "gpu.device.0.ecc_uncorrected": 1}
        assert ends(compare_changed(seen, {**GPU, "gpu.device.0.ecc_uncorrected": 0}).conditions)[1] is INCOMPARABLE
        unknown = {**GPU, "gpu.device.0.ecc_uncorrected": UNKNOWN}
        assert ends(compare_changed(unknown, GPU).conditions) == (BITWISE, BITWISE)


class TestKeyedValues:
    def test_a_differing_variable_lowers_the_promise_and_is_named(self):
        a = make_run(keyed={"env.FOO": b"1"})
        verdict = compare(a, make_run(keyed={"env.FOO": b"2"}))
        (reason,) = verdict.reasons
        assert (reason.path, reason.kind, reason.lowers) == (("env", "FOO"), "keyed", "promised")
        assert ends(verdict.conditions) == (FUNCTIONAL, BITWISE)

    def test_one_that_a_side_lacks_differs(self):
        (reason,) = compare(make_run(keyed={"env.FOO": b"1"}), make_run()).reasons
        assert reason.b == ABSENT

    def test_the_same_value_under_the_same_key_is_equal(self):
        verdict = compare(make_run(keyed={"env.FOO": b"1"}), make_run(keyed={"env.FOO": b"1"}, time_ns=2))
        assert ends(verdict.overall) == (BITWISE, BITWISE)

    def test_under_different_keys_it_is_unknown(self):
        a = make_run(keyed={"env.FOO": b"1"}, key_id="x")
        verdict = compare(a, make_run(keyed={"env.FOO": b"1"}, key_id="y"))
        assert ends(verdict.conditions) == (FUNCTIONAL, BITWISE)
        assert paths(verdict.missing) == ["env.FOO"]

    def test_different_keys_without_values_cry_no_wolf(self):
        assert ends(compare(make_run(key_id="x"), make_run(key_id="y")).overall) == (BITWISE, BITWISE)

    def test_a_known_variable_whose_paths_differ_asks_its_rule(self):
        a, b = make_run(keyed={"env.PYTHONPATH": b"1"}), make_run(keyed={"env.PYTHONPATH": b"2"})
        assert ends(compare(a, b).overall) == (BITWISE, BITWISE)

    def test_pseudonyms_are_not_compared(self):
        a, b = make_run(keyed={"host.name": b"1"}), make_run(keyed={"host.name": b"2"})
        assert ends(compare(a, b).overall) == (BITWISE, BITWISE)

    def test_it_can_be_ignored_by_name(self):
        a, b = make_run(keyed={"env.FOO": b"1"}), make_run(keyed={"env.FOO": b"2"})
        assert ends(compare(a, b, ignore=[("env", "FOO")]).overall) == (BITWISE, BITWISE)


class TestDrift:
    def test_what_changed_during_one_run_only_lowers_the_promise(self):
        verdict = compare(make_run(start={"os.timezone": "Europe/Berlin"}), make_run())
        (reason,) = verdict.reasons
        assert (reason.kind, reason.lowers, reason.path) == ("drift", "promised", ("os", "timezone"))

    def test_what_changed_alike_is_how_the_program_works(self):
        start = {"os.timezone": "Europe/Berlin"}
        assert ends(compare(make_run(start=start), make_run(start=start, time_ns=2)).overall) == (BITWISE, BITWISE)

    def test_data_that_changed_while_it_was_used_is_doubtful(self):
        verdict = compare(make_run(start={"datasets.declared.train.digest": "blake3-tree:ff"}), make_run())
        assert ends(verdict.overall) == (INCOMPARABLE, BITWISE)
        assert verdict.experiment.unknown[0].kind == "drift"


class TestProcesses:
    WORKER = "train.py/0/1"

    def test_workers_are_compared_by_role(self):
        child, other = make_snapshot(FULL, key_id="c"), make_snapshot({**FULL, THREADS: 1})
        verdict = compare(make_run(children=[(self.WORKER, child)]), make_run(children=[(self.WORKER, other)]))
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)
        assert "in process train.py/0/1" in verdict.reasons[0].why

    def test_equal_workers_lower_nothing(self):
        children = [(self.WORKER, make_snapshot(FULL))]
        verdict = compare(make_run(children=children), make_run(children=children, time_ns=2))
        assert ends(verdict.overall) == (BITWISE, BITWISE)

    @pytest.mark.parametrize("partner", [[], [("train.py/0/1", None)]])
    def test_one_without_a_partner_is_unknown(self, partner):
        run = make_run(children=[(self.WORKER, make_snapshot(FULL))])
        verdict = compare(run, make_run(children=partner))
        assert verdict.conditions.promised < STATISTICAL
        assert verdict.conditions.possible is BITWISE
        assert verdict.missing[0].path == ("processes", self.WORKER)

    def test_one_that_did_not_report_may_have_used_anything(self):
        def run(name):
            return make_run({**GPU, "gpu.device.0.name": name, "usage.gpu": False}, children=[(self.WORKER, None)])

        verdict = compare(run("A100"), run("H100"))
        (reason,) = [reason for reason in verdict.reasons if reason.path[0] == "gpu"]
        assert (reason.active, reason.lowers) == ("unknown", "promised")

    def test_a_gpu_that_only_a_worker_used_makes_gpu_rules_active(self):
        def run(name):
            machine = {**GPU, "gpu.device.0.name": name}
            return make_run(
                {**machine, "usage.gpu": False}, children=[(self.WORKER, make_snapshot({**FULL, **machine}))]
            )

        assert ends(compare(run("A100"), run("H100")).conditions)[1] is STATISTICAL


class TestEvidence:
    A, B = {"out": {"digest": "blake3:aa"}}, {"out": {"digest": "blake3:bb"}}

    def test_outputs_that_differ_in_spite_of_the_promise_are_shouted(self):
        verdict = compare(make_run(outputs=self.A), make_run(outputs=self.B))
        assert ends(verdict.overall) == ends(verdict.conditions) == (STATISTICAL, STATISTICAL)
        assert verdict.reasons[0].kind == "evidence"
        assert any(note.startswith("the same bits were promised") for note in verdict.notes)

    def test_outputs_that_differ_as_they_may_come_behind_what_explains_them(self):
        verdict = compare(make_run(outputs=self.A), make_run({THREADS: 1, "env.X": "1"}, outputs=self.B))
        assert [reason.path[0] for reason in verdict.reasons] == ["threads", "env", "outputs"]
        assert not any(note.startswith("the same bits were promised") for note in verdict.notes)

    def test_outputs_of_another_experiment_say_nothing(self):
        a, b = make_run(outputs=self.A), make_run({"config.lr": 1}, outputs=self.B)
        assert ends(compare(a, b, vary=[LR]).overall) == (BITWISE, BITWISE)

    def test_equal_outputs_are_noted(self):
        a, b = make_run(outputs=self.A), make_run(outputs=self.A, time_ns=2)
        assert "the outputs are the same bits (1 of 1)" in compare(a, b).notes

    def test_outputs_under_other_algorithms_are_not_compared(self):
        b = make_run(outputs={"out": {"digest": "blake3-tree:bb"}})
        assert ends(compare(make_run(outputs=self.A), b).overall) == (BITWISE, BITWISE)

    CLASSES: ClassVar = {"numerics.libm.elementwise": "aa", "numerics.numpy.matmul": "bb"}

    def test_classes_that_differ_leave_statistical_whatever_rules_say(self):
        verdict = compare_changed(self.CLASSES, {**self.CLASSES, "numerics.numpy.matmul": "cc"})
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)

    @pytest.mark.parametrize("gone", ["numerics.numpy.matmul", "numerics.libm.elementwise"])
    def test_a_backend_that_was_not_measured_leaves_the_rule_in_force(self, gone):
        verdict = compare_changed({**self.CLASSES, gone: GONE}, {**self.CLASSES, gone: GONE, "cpu.model": 18})
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)

    def test_measured_classes_say_nothing_about_a_hash_seed(self):
        changes = {**self.CLASSES, "python.hash_seed": "random"}
        verdict = compare_changed(changes, changes)
        assert answer_requirement(verdict, BITWISE, accept_measured=True) == 2

    def test_runs_that_ended_differently_are_noted(self):
        assert any("exit code" in note for note in compare(make_run(), make_run(exit_code=1)).notes)

    def test_metrics_of_two_runs_come_without_inference(self):
        a, b = make_run(metrics={"loss": [(1, 2.0), (2, 1.0)]}), make_run(metrics={"loss": [(1, 1.1)]})
        (metric,) = compare(a, b).metrics
        assert (metric.name, metric.mark) == ("loss", "no inference")
        assert metric.deviation == pytest.approx(0.1)


def test_counts_add_up():
    verdict = compare_changed({}, {THREADS: 1})
    known = [path for path, value in FULL.items() if value not in (GONE, UNKNOWN)]
    assert verdict.equal == len(known) - 1
    assert verdict.unknown == 0


def test_names_the_rules():
    assert compare_changed({}).rules_version.startswith("1:")


class TestOtherProcesses:
    @pytest.mark.parametrize("name", ["python3.11", "fork", "multiprocessing", "sh", "git", "unheard"])
    def test_what_they_did_is_not_known_however_alike_they_are(self, name):
        facts = {"usage.subprocesses": 2, f'usage.processes."{name}"': 2}
        verdict = compare(make_run(facts), make_run(facts, time_ns=2))
        assert str(verdict.conditions) == "[statistical, bitwise]"
        assert [reason.rule for reason in verdict.reasons] == ["usage.processes"]
        assert f"--ignore usage.processes.{name}" in verdict.reasons[0].remedy
        ignored = compare(make_run(facts), make_run(facts, time_ns=2), ignore=[("usage", "processes", name)])
        assert str(ignored.conditions) == "[bitwise, bitwise]"

    @pytest.mark.parametrize("name", ["git-rev-parse", "uname", "lscpu", "true", "ctypes-util"])
    def test_questions_lower_nothing(self, name):
        facts = {"usage.subprocesses": 1, f"usage.processes.{name}": 1}
        assert str(compare(make_run(facts), make_run()).conditions) == "[bitwise, bitwise]"


class TestStandardInput:
    A, B = "datasets.stdin.digest", ("datasets", "stdin", "digest")

    @pytest.mark.parametrize("fact", [ABSENT, "blake3:00"])
    def test_the_same_input_is_the_same_data(self, fact):
        verdict = compare(make_run({self.A: fact}), make_run({self.A: fact}, time_ns=2))
        assert str(verdict.overall) == "[bitwise, bitwise]"

    @pytest.mark.parametrize("other", [ABSENT, "blake3:11"])
    def test_another_input_is_another_experiment(self, other):
        a, b = make_run({self.A: "blake3:00"}), make_run({self.A: other})
        assert [reason.path for reason in compare(a, b).experiment.differs] == [self.B]
        assert str(compare(a, b, vary=[("datasets", "stdin")]).overall) == "[bitwise, bitwise]"

    def test_input_that_is_gone_leaves_the_data_unknown(self):
        verdict = compare(make_run({self.A: UNKNOWN}), make_run({self.A: UNKNOWN}, time_ns=2))
        assert [reason.path for reason in verdict.experiment.unknown] == [self.B]
        assert "< FILE" in verdict.missing[0].remedy
        assert str(verdict.conditions) == "[bitwise, bitwise]"
