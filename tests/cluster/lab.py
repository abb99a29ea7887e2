"""The pieces of run_local_cluster.sh that are easier in Python; each command writes to stdout."""

import json
import sys
from pathlib import Path

import yaml

EXPERIMENT = """
[dataset]
dataset_name = quickstart
prune_ratio_train = 0.05
prune_ratio_val = 0.05
prune_ratio_test = 0.05
[model]
pretrained_model_name = tiny
[settings]
multiple_runs = {seeds}
precision = fp32
[resources]
num_workers = {workers}
cpus_per_worker = 1
[hparams]
max_epochs = {epochs}
early_stopping = False
lr_schedule = linear
lr_warmup_epochs = 1
max_seq_length = 32
batch_size = 8
[runA]
lr_max = 3e-3
[runB]
lr_max = 1e-3
"""
SMALL = "--num-cpus=1 --object-store-memory=200000000"  # two workers of one trial must go to two hosts


def config(file: str, key: str, *addresses: str) -> None:
    """The cluster file, with what it says to change changed."""
    content = yaml.safe_load(Path(file).read_text())
    head, *workers = sorted(addresses)
    content["provider"] |= {"head_ip": head, "worker_ips": workers}
    content["auth"] |= {"ssh_user": "root", "ssh_private_key": key}
    for part in ("head_start_ray_commands", "worker_start_ray_commands"):
        content[part] = [line.replace("ray start", f"ray start {SMALL}") for line in content[part]]
    print(yaml.safe_dump(content, width=1000))


def store(root: str, job: str, workers: str = "2", epochs: str = "3") -> None:
    """A store with a random small model and an experiment; the same with one more seed in the folder of a job."""
    from transformers import BertConfig, BertForTokenClassification, BertTokenizer

    model = Path(root, "pretrained_models/tiny")
    configs = Path(root, "experiment_configs")
    for folder in (model, configs, Path(job)):
        folder.mkdir(parents=True)
    letters = [chr(number) for number in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (model / "vocab.txt").write_text("\n".join(words))
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertForTokenClassification(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(model)
    BertTokenizer(str(model / "vocab.txt")).save_pretrained(model)
    for folder, seeds in ((configs, 2), (Path(job), 3)):
        (folder / "cluster.ini").write_text(EXPERIMENT.format(seeds=seeds, workers=workers, epochs=epochs))


def hostnames() -> None:
    """The computers that are alive, of the dashboard's list of nodes."""
    nodes = json.load(sys.stdin)["data"]["summary"]
    print(*sorted(node["hostname"] for node in nodes if node["raylet"]["state"] == "ALIVE"))


def actors(file: str) -> None:
    """The trial that runs, and the computers of its workers, of the dashboard's list of actors."""
    listed = json.loads(Path(file).read_text())["data"]["result"]["result"]
    alive = [one for one in listed if one["state"] == "ALIVE"]
    trials = [one["repr_name"] for one in alive if one["class_name"] == "Trial"]
    nodes = sorted(one["node_id"][:6] for one in alive if one["class_name"].endswith("RayTrainWorker"))
    for trial in trials:
        print(f"actor {trial}")
    if len(trials) == 1 and len(nodes) == 2:
        print(f"workers of {trials[0]} on the nodes {nodes[0]} and {nodes[1]}")


def results(file: str, seeds: str) -> None:
    """Whether all seeds are in the results that `nerbb get_experiment_results --json` printed among what ssh says."""
    text = Path(file).read_text()
    found = json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
    ok = {run["run"]: run["n_ok"] for run in found["runs"]}
    print(ok)
    assert ok == {"runA": int(seeds), "runB": int(seeds)}, found


def pre_stop(file: str) -> None:
    """What a worker's pod runs before it ends."""
    job = list(yaml.safe_load_all(Path(file).read_text()))[-1]
    (pod,) = [group["template"]["spec"] for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]]
    bash, dash_c, script = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert (bash, dash_c) == ("bash", "-c")
    print(script)


if __name__ == "__main__":
    commands = (config, store, hostnames, actors, results, pre_stop)
    {command.__name__: command for command in commands}[sys.argv[1]](*sys.argv[2:])
