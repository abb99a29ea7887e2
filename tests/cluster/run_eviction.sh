#!/usr/bin/env bash
# What configs/kuberay-rayjob.yaml does with a worker's pod that is taken away, on two of three hosts (hosts.sh says what
# is needed, and what the exit status means): there is no Kubernetes, so Ray is started as KubeRay starts it.
set -euo pipefail
# shellcheck source=tests/cluster/hosts.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/hosts.sh"

REPOSITORY=/mnt/nerbb/repository # as the hosts see it
STORE=$LAB/share/store           # as this script sees it: /mnt/nerbb/store

on() {
    local host=$1
    shift
    local variables=(
        PATH="$VENV/bin:$PATH" PYTHONPATH="$REPOSITORY" NERBB_STORE=/mnt/nerbb/store OMP_NUM_THREADS=1
        RAY_AUTH_MODE=token RAY_AUTH_TOKEN="$TOKEN" RAY_USAGE_STATS_ENABLED=0 RAY_ADDRESS="$ADDRESS_OF_RAY"
        RAY_memory_monitor_refresh_ms=0 # other programs on this computer are none of its business
    )
    ssh_to "$host" "cd $REPOSITORY && env $(printf '%q ' "${variables[@]}" "$@")"
}

states() { find "$STORE/results" -path "*/epoch-*" -name state.pt 2>/dev/null | wc -l; }

main() {
    make_hosts
    quietly store "$PYTHON" "$HERE/lab.py" store "$STORE" "$LAB/job" 1 400
    mkdir "$LAB/share/repository"
    cp -r nerbb_ray configs "$LAB/share/repository"
    cp -r store/datasets "$STORE"
    "$PYTHON" "$HERE/lab.py" pre_stop configs/kuberay-rayjob.yaml >"$LAB/share/pre_stop.sh"
    TOKEN=$(ray get-auth-token --generate 2>/dev/null)

    step "Ray, as in pods: a head without CPUs, two workers"
    ADDRESS_OF_RAY='' quietly head on head ray start --head --port=6379 --num-cpus=0 --object-store-memory=200000000
    ADDRESS_OF_RAY="${ADDRESS[head]}:6379"
    for worker in worker1 worker2; do
        quietly "$worker" on "$worker" ray start --address="$ADDRESS_OF_RAY" --num-cpus=1 --object-store-memory=200000000
    done
    on head python -m nerbb_ray.tune /mnt/nerbb/store/experiment_configs/cluster.ini --address auto --quiet \
        </dev/null >"$LAB/search.log" 2>&1 &
    local search=$!
    for _ in $(seq 300); do
        if [ "$(states)" -ge 4 ]; then break; fi
        kill -0 "$search" 2>/dev/null || break
        sleep 1
    done
    [ "$(states)" -ge 4 ] || { tail -n 40 "$LAB/search.log" && fail "not two trials at a time"; }

    step "worker2 is taken away"
    local start=$SECONDS
    on worker2 bash /mnt/nerbb/pre_stop.sh >"$LAB/pre_stop.log" 2>&1 || true
    echo "$((SECONDS - start)) s"
    grep -rhoE "this process is to end: .*" "$STORE/results" --include=*.log || { cat "$LAB/pre_stop.log" && fail "nothing was saved"; }
    check_nothing_left_on worker2 5

    step "its trial goes on at worker1, when there is a place"
    wait "$search" || { tail -n 60 "$LAB/search.log" && fail "the search failed"; }
    sed -n '/^experiment cluster/,/^all models/p' "$LAB/search.log"
    grep -rhoE "goes on after .*" "$STORE/results" --include=*.log | cut -c 1-100 || fail "no trial went on"
    on head nerbb get_experiment_results cluster --json >"$LAB/results.log"
    "$PYTHON" "$HERE/lab.py" results "$LAB/results.log" 2 || fail "the records are not complete"
    for host in worker1 head; do on "$host" ray stop >/dev/null 2>&1; done
    check_nothing_left 10
}

run_main "$@"
