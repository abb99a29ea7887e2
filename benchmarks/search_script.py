"""The other sides of the whole experiment: every learning rate with every seed, by plain `transformers.Trainer`.

--mode search: `Trainer.hyperparameter_search(backend="ray")` over the grid, one CPU per trial, sentences padded to the
longest of their batch. --mode loop: one trial after the other in one process with all threads, sentences padded to
--max-seq-length. Both validate after every epoch; neither looks at the test split. Everything else is the Trainer's
default, except for what trainer_script.py says.
"""

import argparse
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from trainer_script import arguments, collator, encode, read, strict_f1
from transformers import AutoModelForTokenClassification, AutoTokenizer, Trainer


@dataclass(frozen=True)
class Metrics:
    """What the Trainer calls after each validation."""

    names: list[str]

    def __call__(self, output: Any) -> dict[str, float]:
        return {"f1": strict_f1(output.predictions, output.label_ids, self.names)}


@dataclass(frozen=True)
class NewModel:
    """The pretrained encoder with a new head."""

    location: str
    names: list[str]

    def __call__(self, _trial: Any = None) -> Any:
        transformers.utils.logging.set_verbosity_error()
        return AutoModelForTokenClassification.from_pretrained(
            self.location,
            num_labels=len(self.names),
            id2label=dict(enumerate(self.names)),
            label2id={name: i for i, name in enumerate(self.names)},
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )


def make_trainer(args: argparse.Namespace) -> Trainer:
    """A Trainer for one trial."""
    splits = {name: read(args.data / f"{name}.jsonl") for name in ("train", "val")}
    tags = {tag for _, sentences in splits.values() for sentence in sentences for tag in sentence}
    names = ["O", *sorted(tags - {"O"})]
    ids = {name: i for i, name in enumerate(names)}
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    data = {name: encode(tokenizer, *split, ids, args.max_seq_length) for name, split in splits.items()}
    return Trainer(
        model_init=NewModel(str(args.model), names),
        args=arguments(args, -(-len(data["train"]) // args.batch_size)),
        train_dataset=data["train"],
        eval_dataset=data["val"],
        data_collator=collator(tokenizer, args),
        processing_class=tokenizer,
        compute_metrics=Metrics(names),
    )


def loop(args: argparse.Namespace) -> list[dict[str, Any]]:
    found = []
    for lr in args.lrs:
        for seed in args.seeds:
            args.lr, args.seed = lr, seed
            trainer = make_trainer(args)
            trainer.train()
            f1s = [entry["eval_f1"] for entry in trainer.state.log_history if "eval_f1" in entry]
            trainer.save_model(str(args.out.parent / f"model-{lr}-{seed}"))
            found.append({"lr": lr, "seed": seed, "f1": f1s[-1]})
    return found


def search(args: argparse.Namespace) -> list[dict[str, Any]]:
    from ray import tune

    args.lr, args.seed = args.lrs[0], args.seeds[0]
    best = make_trainer(args).hyperparameter_search(
        hp_space=lambda _: {"learning_rate": tune.grid_search(args.lrs), "seed": tune.grid_search(args.seeds)},
        compute_objective=lambda metrics: metrics["eval_f1"],
        n_trials=1,
        direction="maximize",
        backend="ray",
        resources_per_trial={"cpu": 1},
        max_concurrent_trials=args.at_once,
        storage_path=str(args.out.parent / "ray"),
        verbose=0,
    )
    trials = best.run_summary.trials
    return [
        {"lr": trial.config["learning_rate"], "seed": trial.config["seed"], "f1": trial.last_result["objective"]}
        for trial in trials
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=("search", "loop"), required=True)
    for name in ("model", "data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("epochs", "batch-size", "max-seq-length", "threads", "at-once"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--lrs", type=float, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    args = parser.parse_args()
    args.form, args.bf16 = ("padded" if args.mode == "loop" else "default"), False
    return args


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    args.out.write_text(json.dumps(loop(args) if args.mode == "loop" else search(args)))


if __name__ == "__main__":
    main()
