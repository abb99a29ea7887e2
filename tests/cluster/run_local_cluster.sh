#!/usr/bin/env bash
# configs/cluster-local.yaml for real: three hosts on a bridge, each with its own network, processes, files and sshd.
#
#   tests/cluster/run_local_cluster.sh          as root; PYTHON=... names the interpreter with nerbb_ray, .venv's by default
#
# Everything lives inside one set of namespaces: hosts, bridge, keys and files vanish with the script, however it ends.
# Exit status: 0 all checks passed, 77 this machine cannot do it, anything else: a check failed.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HERE=$ROOT/tests/cluster
PYTHON=${PYTHON:-$ROOT/.venv/bin/python}
LAB=/run/lab # on a file system that only these namespaces see
LAPTOP=10.77.0.1
HOSTS=(head worker1 worker2)
declare -A ADDRESS=([head]=10.77.0.2 [worker1]=10.77.0.3 [worker2]=10.77.0.4)
declare -A HOST_PID=()
export OMP_NUM_THREADS=1 RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 RAY_UP_enable_autoscaler_v2=0

skip() {
    echo "skipped: $*"
    exit 77
}

step() { echo "=== $(date +%T) $*"; }

fail() {
    echo "FAILED: $*"
    tail -n 20 "$LAB"/head/tmp/ray/session_2*/logs/{monitor,dashboard}.log 2>/dev/null || true
    exit 1
}

check_machine() {
    [ "$(id -u)" = 0 ] || skip "root is needed for network namespaces and sshd on port 22"
    for tool in unshare nsenter ip sshd ssh ssh-keygen rsync curl mountpoint; do
        command -v "$tool" >/dev/null || skip "no $tool"
    done
    [ -x "$PYTHON" ] || skip "no interpreter $PYTHON"
    unshare --net --mount --pid --ipc --uts --fork --mount-proc bash -ec \
        'mount -t tmpfs lab /run; mkdir /run/{l,u,w,m}; mount -t overlay x -o lowerdir=/run/l,upperdir=/run/u,workdir=/run/w /run/m
         ip link add bridge0 type bridge; ip link add veth0 type veth peer name veth1' 2>/dev/null ||
        skip "no namespaces with bridge, veth and overlay file systems"
}

# --- the hosts -------------------------------------------------------------------------------------------------------

make_lab() {
    mount --make-rprivate /
    mount -t tmpfs lab /run
    mkdir -p "$LAB/keys" "$LAB/share" /run/sshd /run/netns
    ssh-keygen -q -t ed25519 -N '' -C cluster-test -f "$LAB/keys/id"
    ssh-keygen -q -t ed25519 -N '' -f "$LAB/keys/host"
    chmod 755 "$LAB/keys" /run/sshd
    cp "$LAB/keys/id.pub" "$LAB/keys/authorized"
    ip link set lo up
    ip link add bridge0 type bridge
    ip address add "$LAPTOP/24" dev bridge0
    ip link set bridge0 up
}

# A folder with what a host sees as its own; $1 is its name
make_host() {
    local host=$1
    mkdir -p "$LAB/$host"/{home,tmp,upper,work,venv}
    # no network leads out: pip must be content with what is installed
    mkdir -p "$LAB/$host/home/.config/pip"
    printf '[global]\nno-index = true\nno-build-isolation = false\n' >"$LAB/$host/home/.config/pip/pip.conf"
    ln -s "$VENV" "$LAB/$host/home/nerbb_venv"
    echo 'export OMP_NUM_THREADS=1' >"$LAB/$host/home/.bashrc"
    ip netns add "$host"
    ip link add "to-$host" type veth peer name eth0 netns "$host"
    ip link set "to-$host" master bridge0 up
    ip -n "$host" link set lo up
    ip -n "$host" address add "${ADDRESS[$host]}/24" dev eth0
    ip -n "$host" link set eth0 up
    ip -n "$host" route add default via "$LAPTOP"
    ip netns exec "$host" unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc \
        env VENV="$VENV" BASE="$BASE" bash "$HERE/run_local_cluster.sh" --host "$host" >"$LAB/$host/host.log" 2>&1 &
    local unshared=$!
    for _ in $(seq 100); do
        HOST_PID[$host]=$(pgrep -P "$unshared" || true)
        if [ -n "${HOST_PID[$host]}" ] && ssh_to "$host" true 2>/dev/null; then return; fi
        sleep 0.1
    done
    fail "host $host has no sshd: $(cat "$LAB/$host/host.log")"
}

# Inside the namespaces of host $1: its own home, /tmp, /dev/shm and installation, and no sight of the repository
be_host() {
    local host=$1 home
    home=$(getent passwd 0 | cut -d: -f6)
    hostname "$host"
    mount -t overlay venv -o "lowerdir=$VENV,upperdir=$LAB/$host/upper,workdir=$LAB/$host/work" "$LAB/$host/venv"
    mkdir -p "$LAB/$host/base"
    mount --bind "$BASE" "$LAB/$host/base"
    mount -t tmpfs repository "$ROOT"
    mount --bind "$LAB/$host/home" "$home"
    mount -t tmpfs shm /dev/shm
    mount -t tmpfs mnt /mnt
    mkdir -p /mnt/nerbb
    mount --bind "$LAB/share" /mnt/nerbb
    mount --bind "$LAB/$host/tmp" /tmp
    mkdir -p "$VENV" "$BASE"
    mount --bind "$LAB/$host/venv" "$VENV"
    mount --bind "$LAB/$host/base" "$BASE"
    # kept as process 1: sshd takes in the processes whose parents are gone
    exec "$(command -v sshd)" -D -e -f /dev/null -h "$LAB/keys/host" -o ListenAddress="${ADDRESS[$host]}" -o UsePAM=no \
        -o PermitRootLogin=prohibit-password -o PasswordAuthentication=no -o StrictModes=no -o PidFile=none \
        -o AuthorizedKeysFile="$LAB/keys/authorized" -o MaxStartups=100
}

ssh_to() {
    local host=$1
    shift
    ssh -q -i "$LAB/keys/id" -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=2 "root@${ADDRESS[$host]}" "$@"
}

# Processes of a host other than sshd and what serves this question
processes_of() {
    local namespace
    namespace=$(stat -Lc %i "/proc/${HOST_PID[$1]}/ns/pid")
    ps -eo pidns,pid,stat,args | awk -v ns="$namespace" '$1 == ns && $4 !~ /sshd/ && $3 !~ /^Z/' || true
}

# --- the checks ------------------------------------------------------------------------------------------------------

# What the launcher says goes into a file that is shown if it fails
quietly() {
    local log=$LAB/$1.log
    shift
    "$@" </dev/null >"$log" 2>&1 || {
        tail -n 60 "$log"
        fail "$*"
    }
}

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
    "$PYTHON" "$HERE/lab.py" results "$LAB/results.log" || fail "the records are not complete"
}

stop_cluster() {
    step "ray down, and what docs/cluster.md says to do afterwards"
    kill -- "-$TUNNEL" # as Ctrl-C in its terminal
    quietly down ray down -y "$CLUSTER"
    for worker in worker1 worker2; do ssh_to "$worker" nerbb_venv/bin/ray stop >/dev/null 2>&1; done
    for _ in $(seq 30); do
        if [ -z "$(for host in "${HOSTS[@]}"; do processes_of "$host"; done)" ]; then break; fi
        sleep 1
    done
    for host in "${HOSTS[@]}"; do
        local left
        left=$(processes_of "$host")
        [ -z "$left" ] || fail "left on $host: $left"
        echo "$host: nothing left"
    done
}

main() {
    trap 'exit 130' INT TERM
    VENV=$("$PYTHON" -c 'import sys; print(sys.prefix)')
    BASE=$("$PYTHON" -c 'import sys; print(sys.base_prefix)')
    [ "$VENV" != "$BASE" ] || skip "$PYTHON is not of a virtual environment"
    export VENV BASE PATH="$VENV/bin:$PATH"
    step "three hosts: network, processes, files and sshd of their own"
    make_lab
    for host in "${HOSTS[@]}"; do make_host "$host"; done
    export HOME=$LAB/laptop
    mkdir -p "$HOME"
    CLUSTER=$LAB/cluster.yaml
    cd "$ROOT"
    "$PYTHON" "$HERE/lab.py" config configs/cluster-local.yaml "$LAB/keys/id" "${ADDRESS[@]}" >"$CLUSTER"
    quietly store "$PYTHON" "$HERE/lab.py" store "$LAB/share/store" "$LAB/job"
    start_cluster
    check_token
    submit
    submit_job
    stop_cluster
    step "all checks passed"
}

case ${1:-} in
--host) be_host "$2" ;;
--inside)
    main
    exit
    ;;
*)
    check_machine
    exec unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc \
        env PYTHON="$PYTHON" bash "${BASH_SOURCE[0]}" --inside
    ;;
esac
