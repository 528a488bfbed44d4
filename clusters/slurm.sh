#!/usr/bin/env bash
# A sweep under Slurm: one Ray for one allocation. Its head is on the first node, and trials run on all of them.
#
# Once, in the root of a checkout in a home folder that all nodes share (python3 is 3.11 to 3.13):
#   python3 -m venv .venv
#   .venv/bin/pip install --constraint constraints.txt --editable '.[gpu]' ray==2.60.0
# A sweep; what follows slurm.sh is a tunehound command:
#   sbatch clusters/slurm.sh run cifar10_cnn
#   sbatch --nodes=4 --time=8:00:00 clusters/slurm.sh run mine.yaml --set search.trials=200
#   squeue --me; tail -f tunehound-JOB.log
#   .venv/bin/tunehound leaderboard latest
#   sbatch clusters/slurm.sh resume latest                      # after the time limit, scancel or a lost node
#   scancel --batch --signal=TERM JOB                           # stops cleanly; without --signal, at once
# The dashboard, from your own machine; the job's log gives its node and port:
#   ssh -J LOGIN-NODE -L 8265:127.0.0.1:PORT NODE               # then http://localhost:8265
# For W&B: `wandb login` on the login node; the key is stored in ~/.netrc and nowhere else. If the nodes have no internet
# access, trials are recorded offline; `tunehound sync latest` on the login node uploads them.
#
# Hardware: as requested below. Costs: nodes × hours of your account until the driver ends, including idle nodes.
# Five minutes before the time limit, trials stop cleanly and keep their state; `resume` continues from there.
# Ray is 2.60.0, as locked in constraints.txt. Its ports are open to the cluster's own network, behind a token.
#SBATCH --job-name=tunehound
#SBATCH --output=tunehound-%j.log
#SBATCH --nodes=2                 # EDIT: the number of nodes; they need to share nothing but the checkout
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8         # EDIT: per node
#SBATCH --gpus-per-node=1         # EDIT: per node; remove it if there is none
#SBATCH --mem=32G                 # EDIT: per node
#SBATCH --time=4:00:00            # EDIT
#SBATCH --signal=B:TERM@300
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: sbatch clusters/slurm.sh COMMAND…, such as: run cifar10_cnn" >&2; exit 2; }
here=${SLURM_SUBMIT_DIR:-$PWD}
export PATH="$here/.venv/bin:$PATH" # EDIT: where tunehound is installed
# Data must be at the same path on every node: give absolute paths in the sweep file. The cache of each node:
export TUNEHOUND_CACHE="${SLURM_TMPDIR:-/tmp}/tunehound-$USER" # EDIT: a local disk of the node
unset OMP_NUM_THREADS PYTHONWARNINGS # each trial uses as many threads as it has CPUs
export RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=token

# A token for this job, which all its processes inherit, so that two jobs on one node do not mix.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN
port=$((20000 + SLURM_JOB_ID % 10000))
dashboard=$((30000 + SLURM_JOB_ID % 10000))

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address)
address=${address%% *}
ray_at="$address:$port"
common=(--num-cpus="${SLURM_CPUS_PER_TASK:-1}" --temp-dir="/tmp/ray-$SLURM_JOB_ID" --disable-usage-stats --block)

# on_each NODES LIST COMMAND… &: run the command once on each node, with all resources that the job has there.
on_each() {
    exec srun --overlap --nodes="$1" --ntasks="$1" --ntasks-per-node=1 --nodelist="$2" \
        --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --cpu-bind=none --kill-on-bad-exit=0 "${@:3}"
}

# wait_for NODES: wait until so many nodes have joined, for five minutes at most.
wait_for() {
    python - "$1" <<'PYTHON'
import sys
import time

import ray

ray.init(log_to_driver=False, logging_level="ERROR")
wanted, until = int(sys.argv[1]), time.monotonic() + 300
while (there := sum(node["Alive"] for node in ray.nodes())) < wanted and time.monotonic() < until:
    time.sleep(1)
print(f"{there} of {wanted} nodes have joined", file=sys.stderr)
PYTHON
}

steps=()
trap 'kill -TERM "${steps[@]}" 2> /dev/null || true; wait' EXIT

echo "Ray at $ray_at on $head, ${#nodes[@]} nodes; dashboard at 127.0.0.1:$dashboard there" >&2
on_each 1 "$head" ray start --head --node-ip-address="$address" --port="$port" \
    --dashboard-host=127.0.0.1 --dashboard-port="$dashboard" "${common[@]}" &
steps+=($!)
for ((tries = 0; tries < 60; tries++)); do
    ray status --address="$ray_at" > /dev/null 2>&1 && break
    kill -0 "${steps[0]}" 2> /dev/null || { echo "Ray did not start on $head" >&2; exit 1; }
    sleep 2
done
if [ ${#nodes[@]} -gt 1 ]; then
    others=$(IFS=,; echo "${nodes[*]:1}")
    on_each $((${#nodes[@]} - 1)) "$others" ray start --address="$ray_at" "${common[@]}" &
    steps+=($!)
fi
export RAY_ADDRESS="$ray_at"
wait_for ${#nodes[@]}

cd "$here"
python clusters/submit.py "$@" &
driver=$!
trap 'kill -TERM "$driver" 2> /dev/null || true' TERM
status=0
wait "$driver" || status=$?
# A signal ends `wait` before the driver, which stops its trials cleanly.
while [ "$status" -gt 128 ] && kill -0 "$driver" 2> /dev/null; do
    status=0
    wait "$driver" || status=$?
done
exit "$status"
