"""slurm.sh without a Slurm: what it would start, and where. The commands that it calls write that down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "clusters" / "slurm.sh"
LOG = 'echo "$NODE: $(basename "$0") $*" >> "$TOLD"'
FAKES = {
    "scontrol": 'printf "%s\\n" ${3//,/ }',
    # Runs what follows its options, for each node of the list.
    "srun": """
for word; do
    case $word in
        --nodelist=*) nodes=${word#*=} ;;
        --*) options="$options $word" ;;
        *) break ;;
    esac
    shift
done
echo "srun$options" >> "$TOLD"
trap 'kill $(jobs -p)' TERM
for node in ${nodes//,/ }; do NODE=$node "$@" & done
wait
wait
""",
    "hostname": 'echo "10.0.0.7 fd00::7"',
    "ray": LOG + '; [ "$1" = status ] || { trap "kill \\$!; exit" TERM; sleep 60 & wait; }',
    "python": """
case $1 in
    -c) echo 1f2e3d ;;
    -) until [ "$(grep -c "ray start" "$TOLD")" = "$2" ]; do sleep 0.02; done
       echo "$2 nodes at $RAY_ADDRESS" >> "$TOLD" ;;
    *) exec >> "$TOLD"
       echo "driver $* at $RAY_ADDRESS, token $RAY_AUTH_TOKEN, $RAY_AUTH_MODE, threads ${OMP_NUM_THREADS-free}"
       trap 'kill $!; echo "driver stops in order"; sleep 0.3; exit 130' TERM
       [ -z "$LONG" ] || { sleep 5 & wait; }
       exit "${ENDS:-0}" ;;
esac
""",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, body in FAKES.items():
        (programs / name).write_text(f"#!/bin/bash\n{body}\n")
        (programs / name).chmod(0o755)
    slurm = {"SLURM_JOB_ID": "41234", "SLURM_JOB_NODELIST": "a,b,c", "SLURM_CPUS_PER_TASK": "8"}
    slurm |= {"SLURM_SUBMIT_DIR": str(tmp_path), "TOLD": str(tmp_path / "told"), "USER": "me", "OMP_NUM_THREADS": "1"}
    return {"PATH": os.environ["PATH"], "LONG": "", **slurm}


def start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = ["bash", str(SCRIPT), *words]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def told(environment: dict[str, str]) -> list[str]:
    path = Path(environment["TOLD"])
    return path.read_text().splitlines() if path.exists() else []


def test_one_head_and_a_worker_on_every_other_node(environment: dict[str, str]) -> None:
    with start(environment, "run", "mine.yaml", "--name", "first try") as job:
        assert job.wait(20) == 0
    lines = told(environment)
    heads = [line for line in lines if "ray start --head" in line]
    workers = sorted(line for line in lines if "ray start --address" in line)
    assert [line[0] for line in heads] == ["a"]
    assert "--node-ip-address=10.0.0.7 --port=21234 --dashboard-host=127.0.0.1 --dashboard-port=31234" in heads[0]
    assert [line[0] for line in workers] == ["b", "c"]
    assert all("--address=10.0.0.7:21234 --num-cpus=8 --temp-dir=/tmp/ray-41234" in line for line in workers)
    steps = [line for line in lines if line.startswith("srun")]
    assert all("--overlap" in line for line in steps)
    assert sum("--nodes=2 --ntasks=2" in line and "--cpus-per-task=8" in line for line in steps) == 1


def test_the_driver_starts_when_all_nodes_are_there_with_the_token_and_all_threads(environment: dict[str, str]) -> None:
    with start(environment, "run", "mine.yaml", "--name", "first try") as job:
        assert job.wait(20) == 0
    lines = told(environment)
    driver = next(line for line in lines if line.startswith("driver"))
    assert driver.startswith("driver clusters/submit.py run mine.yaml --name first try at 10.0.0.7:21234")
    assert driver.endswith("token 1f2e3d, token, threads free")
    assert lines.index("3 nodes at 10.0.0.7:21234") < lines.index(driver)


def test_the_job_ends_as_the_driver_does_and_leaves_nothing_behind(environment: dict[str, str]) -> None:
    with start(environment | {"ENDS": "2"}, "run", "mine.yaml") as job:
        assert job.wait(20) == 2
    until = time.monotonic() + 60
    while alive(job.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(job.pid)


def test_the_warning_before_the_time_limit_reaches_the_driver_which_ends_in_order(environment: dict[str, str]) -> None:
    with start(environment | {"LONG": "1"}, "run", "mine.yaml") as job:
        while not any(line.startswith("driver") for line in told(environment)):
            time.sleep(0.05)
        time.sleep(0.2)
        job.send_signal(signal.SIGTERM)
        assert job.wait(20) == 130
    assert "driver stops in order" in told(environment)


def test_without_a_command_it_says_how_it_is_called(environment: dict[str, str]) -> None:
    with start(environment) as job:
        assert job.wait(20) == 2
        assert job.stderr is not None
        assert "usage: sbatch" in job.stderr.read()
    assert not told(environment)


@pytest.mark.parametrize(
    "checker", [["bash", "-n"], [str(Path(sys.executable).with_name("shellcheck"))]], ids=["bash", "shellcheck"]
)
def test_a_checker_of_shell_scripts_finds_nothing(checker: list[str]) -> None:
    found = subprocess.run([*checker, SCRIPT], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def alive(group: int) -> bool:
    """Whether a process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
