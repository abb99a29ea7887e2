"""A first experiment file, with comments: from options, to be changed by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

from nerbb_ray.config.keys import written
from nerbb_ray.config.known_keys import HOME, SECTIONS
from nerbb_ray.config.spec import PRESETS

# the keys that a first file shows, with what they mean; the others are in the documentation
COMMENTS: dict[str, dict[str, str]] = {
    "dataset": {
        "dataset_name": "a folder of the store's datasets, a path, a built-in name, or a data set of the hub",
        "prune_ratio_train": "fraction of the training sentences that is used, from the start of the file",
    },
    "model": {"pretrained_model_name": "a path, a folder of the store's models, or a model of the hub"},
    "settings": {
        "preset": "adaptive: as many epochs as the validation data say; original: 5; stable: 20; hybrid",
        "multiple_runs": "seeds of every run: its mean comes with their spread",
        "seed": "the seeds are seed + 1 ... seed + multiple_runs",
    },
    "hparams": {
        "batch_size": "sentences per optimizer step",
        "max_seq_length": "sub-tokens; longer sentences are cut, and no word is lost",
        "max_epochs": "a cap with early stopping, else the number of epochs",
        "monitor": "what decides when training ends: val_loss, val_acc, val_f1",
        "patience": "epochs without improvement that are forgiven",
        "lr_warmup_epochs": "the learning rate rises during these",
        "lr_max": "learning rate; a list is a grid: 2e-5, 3e-5",
        "lr_cooldown_epochs": "the learning rate falls during these, at the end",
    },
    "resources": {"max_concurrent_trials": "trials that run at the same time; auto: as many as fit"},
}
HEAD = """# {name}: an experiment of nerbb_ray. Behind # are comments; a key behind one shows what holds without it.
#
#     nerbb run_experiment {shell_name} --dry-run     the trials, before they run
#     nerbb plan {shell_name}                         what they will cost
#     nerbb run_experiment {shell_name}
"""
RUNS = """# One section per run, which may set any key of [dataset], [model] and [hparams] again. Without one: runA.
# [runA]
# lr_max = 2e-5
# [runB]
# lr_max = 5e-5
"""


def starter_text(name: str, values: Mapping[str, str], shell_name: str | None = None) -> str:
    """The file; whether its values are allowed is for `parse_ini` to say.

    Args:
        values: of keys, as a file has them; any key that has a section.
        shell_name: the name as a shell takes it.
    """
    parts = [HEAD.format(name=name, shell_name=shell_name or name)]
    for section in SECTIONS:
        if lines := list(_section(section, values)):
            parts.append("\n".join([f"[{section}]", *lines]) + "\n")
    return "\n".join([*parts, RUNS])


def _section(section: str, values: Mapping[str, str]) -> Iterator[str]:
    shown = COMMENTS.get(section, {})
    defaults = {field.name: field.default for field in fields(SECTIONS[section])}
    defaults |= PRESETS.get(values.get("preset", ""), {})
    for key in dict.fromkeys([*shown, *(key for key in values if HOME[key] == section)]):
        comment = f"  # {shown[key]}" if key in shown else ""
        if key in values:
            yield f"{key} = {values[key]}{comment}"
        else:
            default = "none" if key == "preset" else written(defaults[key])
            yield f"# {key} = {default}{comment}"
