"""The side of nerblackbox 1.0.0: runs in its own environment, with nothing of nerbb_ray; see bench_experiment.py.

It needs Python 3.11 with nerblackbox==1.0.0, transformers==4.31.0, pytorch-lightning==1.9.5, mlflow==2.6.0,
setuptools<80 and torch. Writes the sentences as its files of tabs, an experiment with one run per learning rate and all
seeds, trains it on the CPU, and writes the entity micro F1 of every trial.
"""

import argparse
import json
import os
from pathlib import Path

from sides import DATA, HPARAMS, NAME

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # its checkpoints hold more than weights

LETTERS = "ABCDEFGH"  # of the names of runs: one per learning rate
INI = f"""\
[dataset]
dataset_name = {{data}}
annotation_scheme = bio
[model]
pretrained_model_name = {{model}}
[settings]
checkpoints = True
logging_level = info
multiple_runs = {{seeds}}
seed = {{seed}}
{HPARAMS}{{runs}}
"""


def write_data(source: Path, target: Path) -> None:
    """Tags and words of each split, as its reader wants them: two columns, quoted where a word is a quote."""
    import pandas as pd

    target.mkdir(parents=True, exist_ok=True)
    for split in ("train", "val", "test"):
        rows = [json.loads(line) for line in (source / f"{split}.jsonl").read_text().splitlines()]
        columns = [(" ".join(row["tags"]), " ".join(row["tokens"])) for row in rows]
        pd.DataFrame(columns).to_csv(target / f"{split}.csv", sep="\t", header=False, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", required=True, help="folder; nerblackbox wants `bert` in its name")
    add("--data", type=Path, required=True)
    add("--store", type=Path, required=True)
    add("--out", type=Path, required=True)
    add("--epochs", type=int, required=True)
    add("--batch-size", type=int, required=True)
    add("--max-seq-length", type=int, required=True)
    add("--lrs", nargs="+", required=True)
    add("--seeds", type=int, nargs="+", required=True)
    args = parser.parse_args()

    from nerblackbox import Store, Training

    Store.set_path(str(args.store))
    Store.create()
    write_data(args.data, args.store / "datasets" / DATA)
    rates = {f"run{letter}": lr for letter, lr in zip(LETTERS, args.lrs, strict=False)}
    runs = "".join(f"[{name}]\nlr_max = {lr}\n" for name, lr in rates.items())
    ini = INI.format(
        data=DATA,
        model=args.model,
        seeds=len(args.seeds),
        seed=args.seeds[0] - 1,
        batch_size=args.batch_size,
        max_seq_length=args.max_seq_length,
        epochs=args.epochs,
        runs=runs,
    )
    (args.store / "training_configs" / f"{NAME}.ini").write_text(ini)
    training = Training(NAME, from_config=True, device="cpu")
    training.run()
    runs_of = training.results.single_runs
    names = [name.split("-")[0] for name in runs_of["info", "run_name_nr"]]
    scores = runs_of["metrics", "VAL_ENT_F1"]
    found = [{"lr": float(rates[name]), "f1": float(score)} for name, score in zip(names, scores, strict=True)]
    args.out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
