"""A sweep whose client is gone: the desk is switched off, the sweep ends by itself, and comes home later."""

from __future__ import annotations

from tests.harm.sound import assert_sound
from tests.lab.cluster import FILE, Cluster
from tests.lab.hosts import ROOT, until
from tests.lab.sweeps import SHORT
from tests.lab.work import until_over

DASHBOARD = "http://127.0.0.1:8265"


def test_a_sweep_in_tmux_goes_on_when_the_desk_is_switched_off(cluster: Cluster) -> None:
    (cluster.desk.home / "mine.yaml").write_text(SHORT)
    told = cluster.well("tunehound", "submit", FILE, "--detach", "tmux", "--", "run", "mine.yaml", "--name", "detached")
    assert f"ray attach {FILE} --tmux" in told
    run = cluster.run("detached")
    until((run / "study.journal").exists, within_s=60)
    cluster.desk.power_off()
    until_over(run, cluster.head)
    assert_sound(run, trials=9)
    cluster.desk.boot()
    told = cluster.well("ray", "exec", FILE, "tunehound leaderboard detached --format csv")
    assert (run / "leaderboard.csv").read_text().splitlines()[0] in told


def test_a_job_goes_on_and_its_run_outlives_the_folder_of_the_job(cluster: Cluster) -> None:
    cluster.start("ray", "dashboard", FILE)
    until(lambda: cluster.desk.call("bash", "-c", "echo > /dev/tcp/127.0.0.1/8265").returncode == 0, within_s=60)
    (cluster.desk.home / "work").mkdir()
    for part in ("tunehound.py", "search", "spaces", "trainables", "clusters"):
        cluster.well("cp", "-r", ROOT / part, f"work/{part}")
    (cluster.desk.home / "work" / "it's mine.yaml").write_text(SHORT)
    job = ["ray", "job", "submit", "--address", DASHBOARD, "--working-dir", "work", "--no-wait", "--"]
    cluster.well(*job, "python", "clusters/submit.py", "run", "it's mine.yaml", "--name", "job")
    run = cluster.run("job")
    until((run / "study.journal").exists, within_s=120, said=lambda: cluster.well("ray", "job", "list"))
    cluster.desk.power_off()
    until_over(run, cluster.head)
    assert_sound(run, trials=9)
