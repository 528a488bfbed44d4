"""The house: folders of a size to look through, and a test for every module, under its name or named here."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("search", "trainables", "spaces", "clusters")
MOST_MODULES = 12
"""In a folder."""

COVERED = {
    "clusters/health/test_check": "clusters/health/collect clusters/health/survey",
    "clusters/test_cluster": "clusters/health/version_watch clusters/membership",
    "clusters/connection/test_session": "clusters/nodes",
    "harm/test_engine": "search/tuner/supervision",
    "lab/test_submit": "clusters/stop_workers",
    "promises/test_interruption": "search/tuner/actor search/tuner/tuner",
    "promises/test_mistakes": "spaces/config/data spaces/config/fields spaces/config/settings spaces/config/training "
    "spaces/domains/bounds spaces/domains/parse spaces/domains/validation spaces/file/cross_checks",
    "promises/test_properties": "spaces/config/features spaces/domains/tree",
    "promises/test_scores": "trainables/training/history",
    "promises/test_strangers": "search/run/provenance search/tuner/resume",
    "promises/test_trust": "trainables/trust",
    "search/cli/test_app": "search/cli/options search/cli/output search/new/ready",
    "search/cli/test_cluster": "search/cli/cluster_table search/plan/capacity search/plan/placement "
    "search/plan/requirements",
    "search/mirror/test_upload": "search/mirror/files",
    "search/new/test_inspect": "search/new/detected search/new/findings search/new/model_section search/new/template "
    "trainables/preflight/headers",
    "search/plan/test_forecast": "search/plan/simulation",
    "search/plan/test_summary": "search/plan/corners",
    "search/report/test_retrained": "search/results/held_out_scores",
    "search/report/test_write": "search/report/failures search/report/page search/report/plot search/report/provenance",
    "search/results/test_compare": "search/cli/table search/console/columns",
    "search/live/test_progress": "search/live/leader search/live/running_table",
    "search/study/test_feature_cuts": "search/study/draws",
    "search/study/test_recorder": "search/run/events search/run/history",
    "search/halving/test_rungs": "search/tuner/scheduler",
    "search/study/test_study": "search/study/distribution",
    "search/tracking/test_leaderboard": "search/tracking/saved_report",
    "search/tracking/test_sync": "search/tracking/ledger",
    "search/tracking/test_tracker": "search/tracking/client search/tracking/reconciler search/tracking/wandb_runs",
    "search/tuner/test_confirmation": "search/run/reader search/run/trials search/study/candidates",
    "search/tuner/test_run": "search/tuner/driver search/console/logs search/tuner/searcher trainables/trial/trainable",
    "search/study/test_repair": "trainables/trial/task",
    "trainables/data/test_load": "trainables/data/leaks trainables/data/statistics trainables/sources/digits",
    "trainables/data/test_store": "trainables/data/build trainables/data/entry trainables/data/entry_writer "
    "trainables/data/key",
    "trainables/features/test_key": "trainables/features/prefix",
    "trainables/models/test_cnn": "trainables/models/head trainables/models/layers",
    "trainables/preflight/test_timing": "trainables/preflight/feature_sample trainables/preflight/timing_worker "
    "trainables/process",
    "trainables/retrain/test_retrain": "trainables/retrain/card trainables/retrain/markdown trainables/retrain/output",
    "trainables/sources/test_csv": "trainables/tables/columns trainables/tables/row_checks",
    "trainables/sources/test_folder": "trainables/sources/files trainables/sources/location",
    "trainables/sources/test_npz": "trainables/sources/npz_archive",
    "trainables/sources/test_tfds": "trainables/sources/tfds_export",
    "trainables/training/test_feed": "trainables/features/table",
    "trainables/training/test_train": "trainables/models/fine_tuning",
}
"""Test file → the modules that have none of their own and are tried by it; `harm` and `lab` run outside the gate."""

SHARED = {
    "the settings, and what is built of them": "model optimizer",
    "the command, and what it runs": "cluster describe output submit table",
    "what is written or read, in each room that does": "build columns download files history load store write",
    "where it is recorded, and where it is shown or decided": "actor compatibility confirmation leaderboard provenance",
    "one for each library, each check, each store": "check key ray_internals",
}
"""Why a name of a module may stand in several rooms → these names."""


def modules() -> list[Path]:
    """Every module of the product, below the root."""
    packages = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    files = [file.relative_to(ROOT) for file in (*ROOT.glob("*.py"), *packages)]
    assert len(files) > 200
    return [file for file in files if file.name != "__init__.py"]


def own_test(module: Path) -> Path:
    return ROOT / "tests" / module.parent / f"test_{module.stem.strip('_')}.py"


def test_every_module_has_a_test_of_its_name_or_is_named_with_the_test_that_covers_it() -> None:
    named = Counter(module for covered in COVERED.values() for module in covered.split())
    without = {module.with_suffix("").as_posix() for module in modules() if not own_test(module).is_file()}
    assert set(named) == without
    assert max(named.values()) == 1


def test_the_tests_that_cover_others_are_there() -> None:
    assert [test for test in COVERED if not (ROOT / "tests" / f"{test}.py").is_file()] == []


def test_no_folder_is_too_full_and_none_lies_deeper_than_two() -> None:
    rooms = Counter(module.parent.as_posix() for module in modules())
    assert {room: count for room, count in rooms.items() if count > MOST_MODULES} == {}
    assert {room for room in rooms if room.count("/") > 1} == set()
    assert {room for room in rooms if not (ROOT / room / "__init__.py").is_file()} == {"."}


def test_a_module_name_stands_in_two_rooms_only_where_these_tell_them_apart() -> None:
    names = Counter(module.stem for module in modules())
    shared = [name for names in SHARED.values() for name in names.split()]
    assert sorted(name for name, count in names.items() if count > 1) == sorted(shared)


def test_no_class_name_stands_twice() -> None:
    names = Counter(
        node.name
        for module in modules()
        for node in ast.parse((ROOT / module).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []
