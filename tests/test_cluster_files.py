"""The cluster files are valid by Ray's own rules, keep what they promise, and agree with each other."""

import copy
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).resolve().parents[1]
FILES = ("cluster.yaml", "configs/cluster-gcp.yaml", "configs/cluster-local.yaml")
CLOUDS = FILES[:2]
COMMANDS = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)


def load(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / file).read_text())
    return content


def commands(file: str) -> list[str]:
    content = load(file)
    return [command for key in COMMANDS for command in content.get(key, [])]


def check(content: dict[str, Any]) -> dict[str, Any]:
    """What `ray up` does before it starts anything."""
    prepared: dict[str, Any] = prepare_config(copy.deepcopy(content))
    validate_config(prepared)
    return prepared


@pytest.mark.parametrize("file", FILES)
def test_ray_accepts_the_file(file: str) -> None:
    prepared = check(load(file))
    assert prepared["max_workers"] >= 1
    assert prepared["head_node_type"] in prepared["available_node_types"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        ({"cluster_nam": "nerbb"}, ValidationError),
        ({"idle_timeout_minutes": "two"}, ValidationError),
        ({"file_mounts_sync_continuously": "no"}, ValidationError),
        ({"auth": {"ssh_user": "ubuntu", "password": "secret"}}, ValidationError),
        ({"provider": {"type": "amazon"}}, NotImplementedError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value.__name__,
)
def test_ray_refuses_a_mistake(file: str, mistake: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        check(load(file) | mistake)


@pytest.mark.parametrize("file", CLOUDS)
def test_ray_refuses_an_unknown_type_of_head(file: str) -> None:
    with pytest.raises(ValueError, match="head_node_type"):
        check(load(file) | {"head_node_type": "chief"})


@pytest.mark.parametrize("file", FILES)
def test_commands_are_valid_shell(file: str) -> None:
    for command in commands(file):
        subprocess.run(["bash", "-n", "-c", command], check=True)


@pytest.mark.parametrize("file", FILES)
def test_ray_knows_the_options_of_its_start(file: str) -> None:
    from ray.scripts.scripts import cli

    for command in commands(file):
        if start := re.search(r"\bray start\b(.*)", command):
            cli.commands["start"].make_context("start", shlex.split(start[1]))


@pytest.mark.parametrize("file", FILES)
def test_everything_that_is_copied_exists(file: str) -> None:
    mounts = load(file)["file_mounts"]
    assert all((ROOT / local).exists() for local in mounts.values() if not local.startswith("~"))
    assert mounts["~/.ray/auth_token"] == "~/.ray/auth_token"


@pytest.mark.parametrize("file", FILES)
def test_the_pinned_versions_are_installed_with_torch_first(file: str) -> None:
    installs = [command for command in commands(file) if "pip install" in command and "nerbb_venv" in command]
    assert "\"$(grep '^torch==' constraints.txt)\"" in installs[0]
    assert "--editable" in installs[1]
    assert all("constraints.txt" in command for command in installs)
    loose = [word for command in installs[2:] for word in command.split() if "==" not in word]
    assert "boto3" not in loose
    assert any("python3.11 -m venv" in c or "venv --quiet --seed --python 3.11" in c for c in commands(file))


@pytest.mark.parametrize("file", FILES)
def test_the_dashboard_is_for_the_head_alone_and_every_port_wants_the_token(file: str) -> None:
    (head,) = [command for command in load(file)["head_start_ray_commands"] if "ray start" in command]
    assert "--dashboard-host=127.0.0.1" in head
    assert not re.search(r"\b0\.0\.0\.0", (ROOT / file).read_text())
    (environment,) = [command for command in load(file)["setup_commands"] if "> ~/.nerbb_env" in command]
    assert "RAY_AUTH_MODE=token" in environment
    assert "chmod 700 ~/.ray && chmod 600 ~/.ray/auth_token" in load(file)["setup_commands"]


def test_no_port_is_opened_on_aws() -> None:
    provider = load("cluster.yaml")["provider"]
    assert "IpPermissions" not in provider["security_group"]


@pytest.mark.parametrize("file", CLOUDS)
def test_workers_have_gpus_and_may_be_spot_instances_and_the_head_is_none(file: str) -> None:
    types = load(file)["available_node_types"]
    spot = ("InstanceMarketOptions", "scheduling")
    assert any(key in types["gpu_worker"]["node_config"] for key in spot)
    assert not any(key in types["head"]["node_config"] for key in spot)
    assert types["head"]["resources"] == {"CPU": 0}
    assert load(file)["max_workers"] == types["gpu_worker"]["min_workers"] == types["gpu_worker"]["max_workers"]


@pytest.mark.parametrize("file", FILES)
def test_all_machines_use_one_store(file: str) -> None:
    (environment,) = [command for command in load(file)["setup_commands"] if "> ~/.nerbb_env" in command]
    assert "NERBB_STORE=/mnt/nerbb/store" in environment
    if file in CLOUDS:
        assert any("exportfs" in command for command in load(file)["head_setup_commands"])
        assert (
            'mount -t nfs4 -o hard "$RAY_HEAD_IP":/mnt/nerbb /mnt/nerbb' in load(file)["worker_start_ray_commands"][0]
        )


def test_what_the_files_share_is_the_same() -> None:
    aws, gcp, local = map(load, FILES)
    for key in ("cluster_name", "file_mounts", "rsync_exclude", "setup_commands", "worker_start_ray_commands"):
        assert aws[key] == gcp[key], key
    assert aws["head_start_ray_commands"] == gcp["head_start_ray_commands"]
    assert aws["head_start_ray_commands"][:2] == local["head_start_ray_commands"]
    assert aws["worker_start_ray_commands"][1:] == local["worker_start_ray_commands"]
    assert aws["file_mounts"] == local["file_mounts"]
    own = {command for command in local["setup_commands"] if command not in aws["setup_commands"]}
    assert len(own) == 2  # the shared folder must be there; Python 3.11 is
