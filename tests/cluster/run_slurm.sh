#!/usr/bin/env bash
# configs/slurm.sbatch on three hosts (hosts.sh says what is needed, and what the exit status means).
#
# There is no Slurm: slurm/ has stand-ins for srun and scontrol, and this script does what slurmctld would do. It starts
# the job's script on the first node, sends it the signal before the time limit, and starts it again when it is requeued.
set -euo pipefail
# shellcheck source=tests/cluster/hosts.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/hosts.sh"

REPOSITORY=/mnt/nerbb/repository # as the hosts see it
STORE=$LAB/share/store           # as this script sees it: /mnt/nerbb/store
JOB_ID=77
STATUS=

# The job's script on the first node, for the $1-th time
start_job() {
    local variables=(
        PATH="$LAB/slurm:$PATH" LAB="$LAB" OMP_NUM_THREADS=1 RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES=200000000
        RAY_memory_monitor_refresh_ms=0 # other programs on this computer are none of its business
        PYTHONPATH="$REPOSITORY" NERBB_STORE=/mnt/nerbb/store SLURM_SUBMIT_DIR="$REPOSITORY" SLURM_JOB_ID="$JOB_ID"
        SLURM_JOB_NODELIST='head,worker[1-2]' SLURM_JOB_NUM_NODES=3 SLURM_CPUS_PER_TASK=1 SLURM_RESTART_COUNT="$1"
    )
    local command=(bash "$LAB/slurm_script" /mnt/nerbb/store/experiment_configs/cluster.ini --quiet)
    ssh_to head "echo \$\$ >$LAB/job.pid && exec env $(printf '%q ' "${variables[@]}" "${command[@]}")" \
        </dev/null >>"$LAB/job.log" 2>&1 &
    JOB=$!
}

# Waits for the end of the job, at most $1 seconds, and keeps its exit status
wait_for_job() {
    timeout "$1" tail --pid="$JOB" -f /dev/null || job_failed "the job does not end"
    STATUS=0
    wait "$JOB" || STATUS=$?
}

job_failed() {
    tail -n 60 "$LAB/job.log" | cut -c 1-200
    fail "$*"
}

# How many trials have a state after at least $1 epochs
under_way() {
    find "$STORE/results" -path '*/epoch-*' -name state.pt 2>/dev/null |
        sed -E 's#(.*)/epoch-([0-9]+)/.*#\2 \1#' | awk -v least="$1" '$1 >= least {print $2}' | sort -u | wc -l
}

main() {
    make_hosts
    quietly store "$PYTHON" "$HERE/lab.py" store "$STORE" "$LAB/job" 1 400
    cp -r "$HERE/slurm" "$LAB/slurm"
    mkdir "$LAB/share/repository"
    cp -r nerbb_ray configs "$LAB/share/repository"
    cp -r store/datasets "$STORE"
    ln -s "$VENV" "$LAB/share/repository/.venv"
    cp configs/slurm.sbatch "$LAB/slurm_script" # as slurmctld does; where the script lies says nothing

    step "the job starts: 2 runs x 2 seeds on three nodes with one CPU each"
    start_job 0
    for _ in $(seq 400); do
        if [ "$(under_way 5)" -ge 3 ]; then break; fi
        kill -0 "$JOB" 2>/dev/null || job_failed "the job has ended early"
        sleep 1
    done
    [ "$(under_way 5)" -ge 3 ] || job_failed "not three trials at a time"
    step "the signal before the time limit, for the script alone"
    ssh_to head "kill -USR1 \$(cat $LAB/job.pid)"
    wait_for_job 600
    [ "$STATUS" = 143 ] || job_failed "exit status $STATUS after the signal"
    [ "$(cat "$LAB/requeued")" = "$JOB_ID" ] || job_failed "the job was not requeued"
    cut -c 1-150 "$LAB/job.log"
    check_nothing_left 5
    for host in "${HOSTS[@]}"; do
        ! ssh_to "$host" "ls -d /tmp/nerbb-*" 2>/dev/null || fail "files left in /tmp of $host"
    done

    step "the job is started again"
    start_job 1
    wait_for_job 1200
    [ "$STATUS" = 0 ] || job_failed "exit status $STATUS"
    [ "$(wc -l <"$LAB/requeued")" = 1 ] || job_failed "a job that is finished was requeued"
    sed -n '/start 1/,$p' "$LAB/job.log" | cut -c 1-150
    check_nothing_left 5
    step "its trials went on after the epochs that they had"
    grep -rhoE "goes on after [0-9]+ epochs" "$STORE/results" | sort -u -V || true
    [ "$(grep -rlE "goes on after [0-9]+ epochs" --include=*.log "$STORE/results" | wc -l)" -ge 3 ] || fail "too few went on"
    ssh_to head "cd $REPOSITORY && PYTHONPATH=. NERBB_STORE=/mnt/nerbb/store .venv/bin/nerbb get_experiment_results \
        cluster --json" >"$LAB/results.log"
    "$PYTHON" "$HERE/lab.py" results "$LAB/results.log" 2 || fail "the records are not complete"
}

run_main "$@"
