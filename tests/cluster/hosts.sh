#!/usr/bin/env bash
# Three hosts on a bridge, each with its own network, processes, files and sshd, for the scripts that source this file.
#
# Everything lives inside one set of namespaces: hosts, bridge, keys and files vanish with the script, however it ends.
# Root is needed; PYTHON=... names the interpreter with nerbb_ray, .venv's by default.
# Exit status of such a script: 0 all checks passed, 77 this machine cannot do it, anything else: a check failed.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HERE=$ROOT/tests/cluster
PYTHON=${PYTHON:-$ROOT/.venv/bin/python}
LAB=/run/lab # on a file system that only these namespaces see
LAPTOP=10.77.0.1
HOSTS=(head worker1 worker2)
declare -A ADDRESS=([head]=10.77.0.2 [worker1]=10.77.0.3 [worker2]=10.77.0.4)
declare -A HOST_PID=()
export OMP_NUM_THREADS=1 RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0

skip() {
    echo "skipped: $*"
    exit 77
}

step() { echo "=== $(date +%T) $*"; }

fail() {
    echo "FAILED: $*"
    tail -n 20 "$LAB"/head/tmp/{ray,nerbb-*/ray}/session_2*/logs/{monitor,dashboard}.log 2>/dev/null || true
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
    local host=$1 other
    mkdir -p "$LAB/$host"/{home,tmp,upper,work,venv}
    # no network leads out: pip must be content with what is installed
    mkdir -p "$LAB/$host/home/.config/pip"
    printf '[global]\nno-index = true\nno-build-isolation = false\n' >"$LAB/$host/home/.config/pip/pip.conf"
    ln -s "$VENV" "$LAB/$host/home/nerbb_venv"
    # as Debian's installer writes it: a machine's own name is an address that no other machine can use
    { echo "127.0.0.1 localhost" && echo "127.0.1.1 $host"; } >"$LAB/$host/hosts"
    for other in "${HOSTS[@]}"; do echo "${ADDRESS[$other]} $other" >>"$LAB/$host/hosts"; done
    echo 'export OMP_NUM_THREADS=1' >"$LAB/$host/home/.bashrc"
    ip netns add "$host"
    ip link add "to-$host" type veth peer name eth0 netns "$host"
    ip link set "to-$host" master bridge0 up
    ip -n "$host" link set lo up
    ip -n "$host" address add "${ADDRESS[$host]}/24" dev eth0
    ip -n "$host" link set eth0 up
    ip -n "$host" route add default via "$LAPTOP"
    ip netns exec "$host" unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc \
        env VENV="$VENV" BASE="$BASE" bash "$HERE/hosts.sh" "$host" >"$LAB/$host/host.log" 2>&1 &
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
    mount --bind "$LAB/$host/hosts" /etc/hosts
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

# What a command says goes into a file that is shown if it fails
quietly() {
    local log=$LAB/$1.log
    shift
    "$@" </dev/null >"$log" 2>&1 || {
        tail -n 60 "$log"
        fail "$*"
    }
}

make_hosts() {
    VENV=$("$PYTHON" -c 'import sys; print(sys.prefix)')
    BASE=$("$PYTHON" -c 'import sys; print(sys.base_prefix)')
    [ "$VENV" != "$BASE" ] || skip "$PYTHON is not of a virtual environment"
    export VENV BASE PATH="$VENV/bin:$PATH"
    step "three hosts: network, processes, files and sshd of their own"
    make_lab
    for host in "${HOSTS[@]}"; do make_host "$host"; done
    export HOME=$LAB/laptop
    mkdir -p "$HOME"
    cd "$ROOT"
}

# Waits $1 seconds until nothing runs on the hosts, and fails if something goes on
check_nothing_left() { for host in "${HOSTS[@]}"; do check_nothing_left_on "$host" "$1"; done; }

check_nothing_left_on() {
    local left
    for _ in $(seq "$2"); do
        left=$(processes_of "$1")
        if [ -z "$left" ]; then break; fi
        sleep 1
    done
    [ -z "$left" ] || fail "left on $1: $left"
    echo "$1: nothing left"
}

# The end of a script that has sourced this one: its `main` inside of new namespaces
run_main() {
    if [ "${1:-}" = --inside ]; then
        trap 'exit 130' INT TERM
        main
        step "all checks passed"
    else
        check_machine
        exec unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc \
            env PYTHON="$PYTHON" bash "$0" --inside
    fi
}

# called by make_host
if [ "${BASH_SOURCE[0]}" = "$0" ]; then be_host "$1"; fi
