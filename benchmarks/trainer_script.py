"""The other side of the benchmark: a plain `transformers.Trainer` for NER, as the library's documentation shows it.

Padding by DataCollatorForTokenClassification, validation after every epoch, seqeval's strict entity F1, the test split
and a saved model at the end. Three forms: `padded`, every sentence to --max-seq-length; `default`, every batch to its
longest sentence; `best`, that with batches of similar length, and bf16 where that pays. All of them have the fused
AdamW, which is the Trainer's default. So is everything else that is not said here, except that clipping of gradients is
off, because the other side does not do it either. bf16 (--bf16) pays only where the processor multiplies it in
hardware: elsewhere the best form is fp32, too.
"""

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

IGNORED = -100
FORMS = ("padded", "default", "best")


class Stopwatch(TrainerCallback):
    """When each epoch of training began and ended; the validation comes after the end."""

    def __init__(self) -> None:
        self.epochs: list[tuple[float, float]] = []
        self.begun = 0.0

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.begun = time.time()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self.epochs.append((self.begun, time.time()))


def read(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [row["tokens"] for row in rows], [row["tags"] for row in rows]


def encode(tokenizer: Any, words: list[list[str]], tags: list[list[str]], ids: dict[str, int], length: int) -> Any:
    """Features of every sentence; the first sub-token of a word has its label."""
    encoded = tokenizer(words, is_split_into_words=True, truncation=True, max_length=length)
    features = []
    for i, sentence_tags in enumerate(tags):
        word_ids = encoded.word_ids(i)
        labels = [
            ids[sentence_tags[word]] if word is not None and (j == 0 or word != word_ids[j - 1]) else IGNORED
            for j, word in enumerate(word_ids)
        ]
        features.append({**{key: encoded[key][i] for key in ("input_ids", "attention_mask")}, "labels": labels})
    return features


def strict_f1(logits: np.ndarray, labels: np.ndarray, names: list[str]) -> float:
    predicted = logits.argmax(-1)
    places = [row != IGNORED for row in labels]
    true_tags = [[names[i] for i in row[place]] for row, place in zip(labels, places, strict=True)]
    predicted_tags = [[names[i] for i in row[place]] for row, place in zip(predicted, places, strict=True)]
    return float(f1_score(true_tags, predicted_tags, mode="strict", scheme=IOB2))


def arguments(args: argparse.Namespace, steps_per_epoch: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(args.out.parent / f"model-{args.seed}"),
        seed=args.seed,
        num_train_epochs=args.epochs,
        learning_rate=args.lr,
        weight_decay=0.01,
        lr_scheduler_type="linear",
        warmup_steps=steps_per_epoch,
        max_grad_norm=0.0,
        per_device_train_batch_size=args.batch_size,
        per_device_eval_batch_size=64,
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="no",
        bf16=args.bf16,
        train_sampling_strategy="group_by_length" if args.form == "best" else "random",
        use_cpu=True,
        disable_tqdm=True,
        report_to="none",
    )


def collator(tokenizer: Any, args: argparse.Namespace) -> DataCollatorForTokenClassification:
    to_longest: dict[str, Any] = {"padding": "max_length", "max_length": args.max_seq_length}
    return DataCollatorForTokenClassification(tokenizer, **(to_longest if args.form == "padded" else {}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("seed", "epochs", "batch-size", "max-seq-length", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--form", choices=FORMS, required=True)
    parser.add_argument("--bf16", action="store_true", help="train in bf16")
    return parser.parse_args()


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    transformers.set_seed(args.seed)
    splits = {name: read(args.data / f"{name}.jsonl") for name in ("train", "val", "test")}
    found = {tag for _, tags in splits.values() for sentence in tags for tag in sentence}
    names = ["O", *sorted(found - {"O"})]
    ids = {name: i for i, name in enumerate(names)}
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForTokenClassification.from_pretrained(
        args.model,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id=ids,
        ignore_mismatched_sizes=True,
        dtype=torch.float32,
    )
    data = {name: encode(tokenizer, *split, ids, args.max_seq_length) for name, split in splits.items()}
    stopwatch = Stopwatch()
    trainer = Trainer(
        model=model,
        args=arguments(args, -(-len(data["train"]) // args.batch_size)),
        train_dataset=data["train"],
        eval_dataset=data["val"],
        data_collator=collator(tokenizer, args),
        processing_class=tokenizer,
        compute_metrics=lambda output: {"f1": strict_f1(output.predictions, output.label_ids, names)},
        callbacks=[stopwatch],
    )
    trainer.train()
    test = trainer.predict(data["test"])
    trainer.save_model()
    words = sum(label != IGNORED for row in data["train"] for label in row["labels"])
    epochs = [{"begin": begin, "end": end, "words": words} for begin, end in stopwatch.epochs]
    args.out.write_text(json.dumps({"seed": args.seed, "epochs": epochs, "f1": test.metrics["test_f1"]}))


if __name__ == "__main__":
    main()
