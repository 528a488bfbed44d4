"""A cluster's day: up, sweeps by `ray submit` and by `tunehound submit`, looked at, brought home, retrained, down."""

from __future__ import annotations

from tests.harm.sound import assert_sound
from tests.lab.cluster import FILE, Cluster, trained
from tests.lab.hosts import ROOT, until
from tests.lab.sweeps import SHORT

SCRIPT = ROOT / "clusters" / "submit.py"
SMALL = [
    "--set",
    "search.trials=6",
    "--set",
    "trial.training.epochs=4",
    "--set",
    "confirm=off",
    "--set",
    "tracking=off",
]


def test_a_ready_sweep_by_plain_ray_submit_trains_on_every_host(cluster: Cluster) -> None:
    sweep = cluster.start("ray", "submit", FILE, SCRIPT, "--", "run", "digits", *SMALL, "--name", "first")
    cluster.until_all_train(sweep)
    cluster.times["ray submit"] = sweep.ended_well()
    assert_sound(cluster.run("first"), trials=6)


def test_a_file_of_ones_own_arrives_with_arguments_that_hold_anything(cluster: Cluster) -> None:
    (cluster.desk.home / "it's mine; really.yaml").write_text(SHORT)
    runs = "my runs; 'touch harm' $(touch harm) ä"
    command = ["run", "it's mine; really.yaml", "--set", "search.trials=6", "--runs", runs, "--name", "second"]
    sweep = cluster.start("tunehound", "submit", FILE, "--", *command)
    cluster.times["tunehound submit"] = sweep.ended_well()
    assert_sound(cluster.head.home / runs / "second", trials=6)
    assert not list(cluster.head.home.glob("**/harm"))
    told = cluster.well("tunehound", "submit", FILE, "--", "leaderboard", "second", "--runs", runs, "--format", "csv")
    assert len([line for line in told.splitlines() if line.count(",") > 8]) == 7


def test_a_failure_on_the_cluster_is_told(cluster: Cluster) -> None:
    done = cluster.desk.call("tunehound", "submit", FILE, "--", "report", "no-such-run")
    assert done.returncode == 1
    assert "no-such-run" in done.stdout


def test_a_run_comes_home_and_is_retrained_there(cluster: Cluster) -> None:
    there = cluster.well("ray", "exec", FILE, "tunehound leaderboard first --format csv")
    cluster.well("ray", "rsync-down", FILE, "~/runs/first", "runs/")
    here = cluster.well("tunehound", "leaderboard", "latest", "--format", "csv")
    assert here.splitlines()[-7:] == [line for line in there.splitlines() if line in here.splitlines()]
    assert len(here.splitlines()) == 7
    scores = cluster.well("tunehound", "retrain", "first")
    assert "accuracy" in scores
    assert (cluster.desk.home / "runs" / "first" / "retrained" / "model.keras").is_file()


def test_a_cluster_that_is_taken_down_leaves_no_process_on_any_host(cluster: Cluster) -> None:
    assert all(trained(host) for host in cluster.nodes)
    cluster.down()
    until(
        lambda: not any(host.processes() for host in cluster.nodes),
        within_s=20,
        said=lambda: str([host.processes() for host in cluster.nodes]),
    )
