"""The image and the RayJob: valid by the rules of others, and in step with each other and with the repository."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from docker.utils.build import exclude_paths
from kubernetes.client import V1ConfigMap, V1PersistentVolumeClaim, V1PodTemplateSpec
from pydantic import ValidationError

ROOT = Path(__file__).resolve().parents[1]
RAYJOB = ROOT / "configs/kuberay-rayjob.yaml"
SCHEMA = json.loads((ROOT / "tests/cluster/rayjob_schema.json").read_text())


# --- the RayJob ------------------------------------------------------------------------------------------------------


def claim_and_job() -> tuple[dict[str, Any], dict[str, Any]]:
    claim, job = yaml.safe_load_all(RAYJOB.read_text())
    return claim, job


def groups(job: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = job["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def containers(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in groups(job):
        pod = group["template"]["spec"]
        yield from (*pod.get("initContainers", ()), *pod["containers"])


def check(job: dict[str, Any]) -> None:
    """What the API server of a cluster with KubeRay would say."""
    jsonschema.validate(job, SCHEMA)
    for group in groups(job):
        V1PodTemplateSpec.model_validate(group["template"])


def test_kuberay_and_kubernetes_know_every_field() -> None:
    claim, job = claim_and_job()
    check(job)
    V1PersistentVolumeClaim.model_validate(claim)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("spec.backofLimit", 3, jsonschema.ValidationError),
        ("spec.backoffLimit", "3", jsonschema.ValidationError),
        ("spec.submissionMode", "HttpMode", jsonschema.ValidationError),
        ("spec.rayClusterSpec.authOptions.mode", "password", jsonschema.ValidationError),
        ("spec.rayClusterSpec.headGroupSpec.rayStartParams.num-cpus", 0, jsonschema.ValidationError),
        ("spec.rayClusterSpec.headGroupSpec.replicas", 1, jsonschema.ValidationError),
        ("spec.rayClusterSpec.headGroupSpec.template.spec.volume", [], ValidationError),
        ("spec.rayClusterSpec.headGroupSpec.template.spec.containers", [{"image": "nerbb"}], ValidationError),
    ],
)
def test_mistake_is_found(path: str, value: object, error: type[Exception]) -> None:
    job = copy.deepcopy(claim_and_job()[1])
    *way, last = path.split(".")
    place = job
    for key in way:
        place = place[key]
    place[last] = value
    with pytest.raises(error):
        check(job)


def test_its_ray_is_the_pinned_one_and_wants_a_token() -> None:
    cluster = claim_and_job()[1]["spec"]["rayClusterSpec"]
    assert f"ray=={cluster['rayVersion']}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert cluster["authOptions"] == {"mode": "token"}


def test_all_pods_have_one_image_one_store_and_the_user_of_the_image() -> None:
    claim, job = claim_and_job()
    (user,) = re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    (store,) = re.findall(r"\bNERBB_STORE=(\S+)", (ROOT / "Dockerfile").read_text())
    assert len({container["image"] for container in containers(job)}) == 1
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for container in containers(job):
        assert store in [mount["mountPath"] for mount in container["volumeMounts"]]
    for group in groups(job):
        pod = group["template"]["spec"]
        assert pod["securityContext"] == {"runAsUser": int(user), "runAsNonRoot": True, "fsGroup": int(user)}
        (volume,) = [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_trials_run_on_workers_of_a_fixed_number() -> None:
    head, *workers = groups(claim_and_job()[1])
    assert head["rayStartParams"] == {"num-cpus": "0"}
    assert all(group["replicas"] == group["minReplicas"] == group["maxReplicas"] for group in workers)


def test_the_search_can_be_tried_with_what_the_head_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The words of the entrypoint, with the configmap's file where the pod has it."""
    from nerbb_ray.tune import __main__ as tune

    job = claim_and_job()[1]
    python, dash_m, module, file, *options = job["spec"]["entrypoint"].split()
    assert (python, dash_m, module) == ("python", "-m", "nerbb_ray.tune")
    assert options == ["--address", "auto"]
    (folder,) = [
        mount["mountPath"]
        for mount in groups(job)[0]["template"]["spec"]["containers"][0]["volumeMounts"]
        if mount["name"] == "experiments"
    ]
    assert Path(file).parent == Path(folder)
    created = re.search(r"kubectl create configmap (\S+) --from-file=(\S+)", RAYJOB.read_text())
    assert created is not None
    V1ConfigMap.model_validate({"metadata": {"name": created[1]}, "data": {Path(file).name: "..."}})
    assert Path(created[2]).name == Path(file).name
    (volume,) = [v for v in groups(job)[0]["template"]["spec"]["volumes"] if v["name"] == "experiments"]
    assert volume["configMap"]["name"] == created[1]
    store = tmp_path / "store"
    shutil.copytree(ROOT / "store/datasets/quickstart", store / "datasets/quickstart")
    assert tune.main([str(ROOT / created[2]), "--dry-run", "--store", str(store)]) == 0, capsys.readouterr().err


# --- the image -------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments, continued lines joined, comments left out."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", "")
    found = [line.partition(" ") for line in text.splitlines() if line]
    return [(word, rest.strip()) for word, _, rest in found]


def arguments(word: str) -> list[str]:
    return [rest for other, rest in instructions() if other == word]


def pip_installs() -> list[str]:
    return [rest for rest in arguments("RUN") if "pip install" in rest]


def test_what_is_copied_is_sent_to_the_build_and_nothing_else(tmp_path: Path) -> None:
    """By Docker's own reading of .dockerignore, with things beside it that are there after some use."""
    for source in (source for line in arguments("COPY") for source in line.split()[:-1]):
        copy_into(tmp_path, [source], source if (ROOT / source).is_dir() else str(Path(source).parent))
    shutil.copy(ROOT / "Dockerfile", tmp_path)
    wanted = {path for path in tmp_path.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    for unwanted in ("store/results/mlflow.db", ".venv/bin/python", ".git/config", "nerbb_ray/__pycache__/cli.pyc"):
        (tmp_path / unwanted).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / unwanted).touch()
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {tmp_path / path for path in exclude_paths(str(tmp_path), patterns)}
    assert {path for path in sent if path.is_file()} == wanted


@pytest.mark.parametrize(
    ("device", "index"), [("cpu", ["--index-url", "https://download.pytorch.org/whl/cpu"]), ("cuda", [])]
)
def test_torch_comes_first_for_the_device(device: str, index: list[str], tmp_path: Path) -> None:
    done = run_with_stand_in(pip_installs()[0], device, tmp_path)
    assert done.returncode == 0, done.stderr
    pinned = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch==")]
    assert done.stdout.split() == ["-m", "pip", "install", *index, *pinned]


def test_unknown_device_ends_the_build(tmp_path: Path) -> None:
    done = run_with_stand_in(pip_installs()[0], "gpu", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "DEVICE must be cpu or cuda, got gpu" in done.stderr


def run_with_stand_in(command: str, device: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A RUN instruction, with a python that prints its arguments."""
    (folder / "python").write_text('#!/bin/sh\necho "$@"\n')
    (folder / "python").chmod(0o755)
    shutil.copy(ROOT / "constraints.txt", folder)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "DEVICE": device}
    return subprocess.run(["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)


def test_python_of_the_image_is_one_that_is_supported() -> None:
    version = next(rest for word, rest in instructions() if word == "ARG" and rest.startswith("PYTHON=")).split("=")[1]
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert f"Programming Language :: Python :: {version}" in classifiers
    assert arguments("FROM") == ["python:${PYTHON}-slim-bookworm"]


@pytest.mark.slow
def test_package_works_as_the_image_installs_it(tmp_path: Path) -> None:
    """Installed while only its first file is there, so that the layer of the libraries outlives changes of the code."""
    image, build = tmp_path / "opt", tmp_path / "venv"
    venv.create(build, symlinks=True)
    (site_packages,) = build.glob("lib/python*/site-packages")
    # the libraries are those of this environment, without its own nerbb_ray
    own = [path for path in sys.path if path.endswith("-packages")]
    (site_packages / "libraries.pth").write_text("".join(f"{path}\n" for path in own))
    script = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NERBB"))}
    for word, rest in instructions():
        if word == "COPY":
            *sources, target = rest.split()
            copy_into(image, sources, target)
        elif word == "RUN" and "--editable" in rest:
            subprocess.run([build / "bin/python", "-c", script, str(tmp_path)], cwd=image, env=environment, check=True)
            (wheel,) = tmp_path.glob("*.whl")
            shutil.unpack_archive(wheel, site_packages, "zip")
    environment["NERBB_STORE"] = str(image / "store")
    command = [build / "bin/python", "-m", "nerbb_ray.tune", "configs/quickstart.ini", "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path / "opt", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    where = "import nerbb_ray.tune.tuner as module; print(module.__file__)"
    found = subprocess.run(
        [build / "bin/python", "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert found.stdout.strip() == str(image / "nerbb_ray/tune/tuner.py")


def copy_into(image: Path, sources: list[str], target: str) -> None:
    """COPY: the content of a folder, or files into a folder."""
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, image / target, dirs_exist_ok=True)
        else:
            (image / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, image / target)
