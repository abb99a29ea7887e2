#!/usr/bin/env bash
# configs/cluster-local.yaml for real, on three hosts (hosts.sh says what is needed, and what the exit status means).
set -euo pipefail
# shellcheck source=tests/cluster/hosts.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/hosts.sh"
export RAY_UP_enable_autoscaler_v2=0

api() { curl -sf -m 20 -H "Authorization: Bearer $(cat "$HOME/.ray/auth_token")" "http://127.0.0.1:8299$1"; }

start_cluster() {
    step "ray up"
    quietly token ray get-auth-token --generate
    quietly up ray up -y --no-config-cache "$CLUSTER"
    echo "the head runs"
    step "ray dashboard: its page over ssh"
    setsid ray dashboard --port 8299 "$CLUSTER" >"$LAB/dashboard.log" 2>&1 </dev/null &
    TUNNEL=$!
    for _ in $(seq 60); do
        if [ "$(nodes_alive)" = 3 ]; then break; fi
        sleep 2
    done
    [ "$(nodes_alive)" = 3 ] || fail "$(nodes_alive) of 3 nodes came up"
    echo "3 of 3 nodes are up: $(api "/nodes?view=summary" | "$PYTHON" "$HERE/lab.py" hostnames)"
}

nodes_alive() { { api "/nodes?view=summary" | "$PYTHON" "$HERE/lab.py" hostnames; } 2>/dev/null | wc -w; }

check_token() {
    step "the token, and who listens where"
    local with without outside
    with=$(api /api/version) || fail "no answer with the token"
    without=$(curl -s -m 20 -o /dev/null -w '%{http_code}' http://127.0.0.1:8299/api/version)
    outside=$(curl -s -m 5 -o /dev/null -w '%{http_code}' "http://${ADDRESS[head]}:8265/api/version" || true)
    echo "with the token: $with"
    echo "without: $without; from another machine without ssh: ${outside/000/no connection}"
    [ "$without" = 401 ] || fail "the dashboard answered without a token"
    [ "$outside" = 000 ] || fail "the dashboard listens on more than 127.0.0.1"
    ssh_to head stat -c %a .ray/auth_token | grep -qx 600 || fail "others can read the token on the head"
}

watch_actors() {
    while sleep 1; do api "/api/v0/actors?detail=1&limit=1000" >"$LAB/actors.json" 2>/dev/null &&
        "$PYTHON" "$HERE/lab.py" actors "$LAB/actors.json" >>"$LAB/actors.txt"; done
}

submit() {
    step "ray submit: 2 runs x 2 seeds, 2 workers each"
    watch_actors &
    local watcher=$!
    ray submit "$CLUSTER" nerbb_ray/tune/__main__.py -- \
        /mnt/nerbb/store/experiment_configs/cluster.ini --address auto --quiet </dev/null >"$LAB/submit.log" 2>&1 ||
        { tail -n 40 "$LAB/submit.log" && fail "ray submit"; }
    sed -n '/^experiment cluster/,/^all models/p' "$LAB/submit.log"
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
    grep -qE "runA +2/2" "$LAB/submit.log" || fail "runA did not end with both seeds"
    grep -qE "runB +2/2" "$LAB/submit.log" || fail "runB did not end with both seeds"
    step "what the dashboard's API showed while they ran"
    sort -u "$LAB/actors.txt" | tee "$LAB/actors.unique"
    for trial in runA-43 runA-44 runB-43 runB-44; do
        grep -q "$trial" "$LAB/actors.unique" || fail "no actor with the name $trial"
        grep -qE "workers of $trial on the nodes" "$LAB/actors.unique" || fail "no workers of $trial"
        if grep -qE "workers of $trial on the nodes (.*) and \1$" "$LAB/actors.unique"; then fail "one host for $trial"; fi
    done
}

submit_job() {
    step "ray job submit: another seed"
    ray job submit --address http://127.0.0.1:8299 --working-dir "$LAB/job" -- \
        python -m nerbb_ray.tune cluster.ini --quiet </dev/null >"$LAB/job.log" 2>&1 ||
        { tail -n 40 "$LAB/job.log" && fail "ray job submit"; }
    sed -n '/^experiment cluster/,/^all models/p; /succeeded/p' "$LAB/job.log"
    grep -q "succeeded" "$LAB/job.log" || fail "the job did not succeed"
    grep -qE "runA +3/3" "$LAB/job.log" || fail "the job did not add a seed to the two of ray submit"
    step "ray exec: the results, from MLflow's records on the head"
    quietly results ray exec "$CLUSTER" "nerbb get_experiment_results cluster --json"
    "$PYTHON" "$HERE/lab.py" results "$LAB/results.log" 3 || fail "the records are not complete"
}

stop_cluster() {
    step "ray down, and what docs/cluster.md says to do afterwards"
    kill -- "-$TUNNEL" # as Ctrl-C in its terminal
    quietly down ray down -y "$CLUSTER"
    for worker in worker1 worker2; do ssh_to "$worker" nerbb_venv/bin/ray stop >/dev/null 2>&1; done
    check_nothing_left 30
}

main() {
    make_hosts
    CLUSTER=$LAB/cluster.yaml
    "$PYTHON" "$HERE/lab.py" config configs/cluster-local.yaml "$LAB/keys/id" "${ADDRESS[@]}" >"$CLUSTER"
    quietly store "$PYTHON" "$HERE/lab.py" store "$LAB/share/store" "$LAB/job"
    start_cluster
    check_token
    submit
    submit_job
    stop_cluster
}

run_main "$@"
