"""The documentation cannot rot: its commands, files, programs, tables and links are tried.

In a page, `<!-- file: PATH -->` before a block says that a reader writes it to PATH, `<!-- output: COMMAND -->` that
COMMAND prints it. Commands that train run with --dry-run here; `test_the_tutorial_really_runs` (slow) runs them.
"""

import re
import shlex
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.fake_tune import at, tracked

from nerbb_ray import Store, cli, errors, store
from nerbb_ray.commands import stores
from nerbb_ray.config.ini import read_ini
from nerbb_ray.config.keys import keys_of, written
from nerbb_ray.config.known_keys import SECTIONS
from nerbb_ray.config.spec import PRESETS, ExperimentSpec
from nerbb_ray.config.trials import TrialSpec, expand
from nerbb_ray.data.corpus import Corpus, load_corpus
from nerbb_ray.ner.choose_decoder import DecoderChoice
from nerbb_ray.ner.decoding import argmax
from nerbb_ray.paths import StorePaths
from nerbb_ray.results.experiment_result import ExperimentResult
from nerbb_ray.results.log_probs import FILE, LogProbs, SplitLogProbs
from nerbb_ray.results.trial_result import TrialResult
from nerbb_ray.web_servers import PageStatus

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(r"(?:<!-- (\w+): ([^>]+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
RUNNERS = ("run_experiment", "study", "learning_curve", "nerbb_ray.tune")
ACTIVATE = ["source", ".venv/bin/activate"]
OURS = ("nerbb", "nerbb_ray.tune")


@dataclass(frozen=True)
class Block:
    """A fenced block; `note` and `about` are those of the comment before it."""

    page: str
    number: int
    note: str
    about: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.number}"


def blocks(*languages: str, note: str | None = None) -> list[Block]:
    found = [
        Block(page.name, number, *(part or "" for part in match.groups()))
        for page in PAGES
        for number, match in enumerate(FENCE.finditer(page.read_text()), start=1)
    ]
    return [b for b in found if (not languages or b.language in languages) and (note is None or b.note == note)]


def commands() -> list[str]:
    """Every line of the bash blocks, once."""
    lines = [line.split("  #")[0].strip() for block in blocks("bash") for line in block.text.splitlines()]
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def program(command: str) -> str:
    """The program that a command runs, or Python's module."""
    words = shlex.split(command)
    return words[2] if words[:2] == ["python", "-m"] else words[0]


def commands_of(*programs: str) -> list[str]:
    return [command for command in commands() if program(command) in programs]


def table(page: str, header: str) -> list[list[str]]:
    """The rows below a table's header, as cells without backquotes."""
    lines = (ROOT / page).read_text().splitlines()
    rows = []
    for line in lines[lines.index(header) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")])
    return rows


def scored(trial: TrialSpec) -> TrialResult:
    """A trial that ended well, with metrics that the pages ask for."""
    names = [
        f"{split}/{level}/{label}/{metric}"
        for split in ("val", "test")
        for level in ("entity", "token")
        for label in ("micro", "macro", "PER")
        for metric in ("precision", "recall", "f1", "support")
    ]
    metrics = dict.fromkeys(names, trial.seed / 100) | {"val/loss": 0.5, "test/loss": 0.6}
    return TrialResult(trial.run, trial.seed, "ok", metrics, trial.params(), epochs=5, checkpoint=f"/m/{trial.name}")


def scored_experiment(spec: ExperimentSpec, *_: object) -> ExperimentResult:
    return ExperimentResult.of(spec.name, map(scored, expand(spec)))


def with_model(result: TrialResult, tiny_model: Path, checkpoints: Path, tags: tuple[str, ...]) -> TrialResult:
    """A trial whose model was kept: a random one."""
    from nerbb_ray.training.model import load_model, save_model
    from nerbb_ray.training.sources import local_model
    from nerbb_ray.training.tokenizer import load_tokenizer

    folder, source = checkpoints / result.run / str(result.seed), local_model("tiny-bert", tiny_model)
    save_model(load_model(source, tags), load_tokenizer(source), folder)
    return replace(result, checkpoint=str(folder))


def with_predictions(result: TrialResult, corpus: Corpus) -> TrialResult:
    """A trial that has kept what its model says of val and test: that everything is O."""
    splits = {}
    for name in ("train", "val", "test"):
        sentences = corpus.split(name)
        gold = np.array([corpus.tags.index(tag) for sentence in sentences for tag in sentence.tags], np.int16)
        starts = np.cumsum([0, *(len(sentence.tags) for sentence in sentences)])
        probabilities = np.full((len(gold), len(corpus.tags)), 0.01, np.float16)
        probabilities[:, 0] = 1 - 0.01 * (len(corpus.tags) - 1)
        splits[name] = SplitLogProbs(np.log(probabilities), gold, starts)
    train, decoder = splits.pop("train"), argmax(len(corpus.tags))
    choice = DecoderChoice("auto", corpus.tags, corpus.scheme, train.gold, train.starts)
    said = LogProbs(corpus.tags, corpus.scheme, decoder, choice, corpus.fingerprint, splits)
    said.save(Path(result.checkpoint or "") / FILE)
    return result


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder with the repository's configs and data, the files of the pages, and results of two experiments."""
    from nerbb_ray.mlflow_store.events import Ended, Started
    from nerbb_ray.mlflow_store.writer import MlflowWriter

    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "store/datasets/quickstart", folder / "store/datasets/quickstart")
    for block in blocks(note="file"):
        (folder / block.about).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.about).write_text(block.text)
    paths = StorePaths(folder / "store")
    paths.create()
    for file in (folder / "configs/quickstart.ini", paths.config("letters")):
        writer = MlflowWriter(paths.tracking_uri, file.stem, str(paths.artifacts))
        corpus = load_corpus(paths.dataset(file.stem))
        for time_ms, trial in enumerate(expand(read_ini(file)), start=1):
            writer.deliver(Started(tracked(trial), *at(time_ms)))
            kept = with_model(scored(trial), tiny_model, paths.checkpoints(file.stem), corpus.tags)
            writer.deliver(Ended(tracked(trial), time_ms, (1, time_ms), with_predictions(kept, corpus)))
    (folder / "texts.txt").write_text("Anna lives in New York.\nBert does not.\n")
    return folder


@pytest.fixture
def reader(followed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it as the working directory; web pages and training only seem to start."""
    folder = tmp_path / "reader"
    shutil.copytree(followed, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Store, "chosen", None)
    for module in (store, stores):
        monkeypatch.setattr(module, "page_action", page_action)
    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", one_look)
    return folder


def page_action(paths: StorePaths, name: str, action: str, port: int) -> PageStatus:
    """What the real one does with a page that answers at once."""
    assert action in ("start", "status", "stop")
    print(status := PageStatus(name, port, 1, True, paths.results / f"{name}.log"))
    return status


def one_look(server: ThreadingHTTPServer) -> None:
    """One request to a page that would be served until Ctrl-C."""
    asking = threading.Thread(target=server.handle_request)
    asking.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}/", timeout=60) as answer:
        assert b"<!doctype html>" in answer.read(100).lower()
    asking.join()


def call(command: str) -> int:
    """Run `nerbb ...` or `python -m nerbb_ray.tune ...` in this process; what would train is a dry run."""
    from nerbb_ray.tune import __main__ as tune

    words = shlex.split(command)
    reads = {*words} & {"--dry-run", "--table"}
    dry = ["--dry-run"] if {*words} & {*RUNNERS} and not reads else []
    if words[0] == "nerbb":
        return cli.main(words[1:] + dry)
    assert words[:3] == ["python", "-m", "nerbb_ray.tune"], f"no test knows how to try: {command}"
    return tune.main(words[3:] + dry)


def by_cost(command: str) -> Any:
    """Those that train or convert while they are called are slow."""
    slow = any(option in command for option in ("--calibrate", "--onnx"))
    return pytest.param(command, marks=pytest.mark.slow) if slow else command


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("command", map(by_cost, commands_of(*OURS)))
def test_command_works(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_confirmed", lambda: False)
    status = call(command)
    out, err = capsys.readouterr()
    assert status == 0, err
    assert out
    assert "Traceback" not in err


@pytest.mark.parametrize("command", commands_of("make", "source"))
def test_make_has_the_target_and_the_environment(command: str) -> None:
    words = shlex.split(command)
    if words[0] == "source":
        assert words == ACTIVATE
        assert "\nVENV := .venv\n" in (ROOT / "Makefile").read_text()
    else:
        subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("command", commands_of("ray"))
def test_ray_knows_the_command_and_its_files_are_there(
    command: str, reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it would run on a cluster is tried here, with the folders as they are there."""
    from ray.scripts.scripts import cli as group

    monkeypatch.chdir(ROOT)
    words = shlex.split(command)[1:]
    while hasattr(group, "commands"):
        group, words = group.commands[words[0]], words[1:]
    given = group.make_context("ray", words).params
    assert all(
        (ROOT / given[key]).exists() for key in ("cluster_config_file", "script", "working_dir") if given.get(key)
    )
    (reader / "nerbb").symlink_to(reader)
    monkeypatch.setenv("NERBB_STORE", str(reader / "store"))
    monkeypatch.chdir(reader / (given.get("working_dir") or ""))
    remote = given.get("cmd") or shlex.join(given.get("entrypoint") or ())
    if "script" in given:
        assert given["script"] == "nerbb_ray/tune/__main__.py"
        remote = shlex.join(["python", "-m", "nerbb_ray.tune", *given["script_args"]])
    for part in filter(None, remote.split("; ")):
        if part.startswith(("nerbb", "python")):
            assert call(part) == 0, capsys.readouterr().err
        else:
            assert part in ("ray status", "sleep infinity")


@pytest.mark.parametrize("command", commands_of("export"))
def test_exported_variable_is_that_of_the_cluster_file(command: str) -> None:
    text = (ROOT / "configs/cluster-local.yaml").read_text()
    assert all(word in text for word in shlex.split(command)[1:])


@pytest.mark.parametrize("command", commands_of("pytest", "ruff"))
def test_tool_of_developers_is_installed_and_its_files_are_there(command: str) -> None:
    words = shlex.split(command)
    assert all((ROOT / word).exists() for word in words if "/" in word)
    subprocess.run([sys.executable, "-m", program(command), "--version"], check=True, capture_output=True)


@pytest.mark.parametrize("command", commands_of("sbatch", "squeue", "scancel"))
def test_job_of_slurm_is_that_of_the_script(
    command: str, reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """tests/cluster runs the script; here its arguments are tried, from the folder that `sbatch` is called in."""
    words = shlex.split(command)
    script = (ROOT / "configs/slurm.sbatch").read_text()
    if words[0] == "sbatch":
        assert words[1] == "configs/slurm.sbatch"
        assert 'python -m nerbb_ray.tune "$@"' in script
        monkeypatch.chdir(reader)
        # no data set of this size is here: nothing else may be wrong
        status, problems = call(shlex.join(["python", "-m", "nerbb_ray.tune", *words[2:]])), capsys.readouterr().err
        assert (status, problems.count("error: ")) == (2, 1)
        assert problems.startswith("error: data set 'wnut17' is not in the store")
    elif "--name" in words:
        assert f"#SBATCH --job-name={words[words.index('--name') + 1]}\n" in script
    else:
        assert words[1:] == ["--me"]


@pytest.mark.parametrize("command", commands_of("docker", "kubectl"))
def test_image_and_objects_are_those_of_the_files(
    command: str, reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)
    dockerfile, job = (ROOT / "Dockerfile").read_text(), (ROOT / "configs/kuberay-rayjob.yaml").read_text()
    options = dict(pair.split("=") for pair in words if pair.startswith("--from-file="))
    for file in (*options.values(), *(word for word in words if word.startswith("configs/"))):
        assert (ROOT / file).is_file(), file
    if "--build-arg" in words:
        name, _, value = words[words.index("--build-arg") + 1].partition("=")
        assert f"\nARG {name}=" in dockerfile
        assert f" {value}) set --" in dockerfile
    for word in words:
        if word.startswith("REGISTRY/"):
            assert f"image: &image {word} " in job
    if words[:2] == ["docker", "run"]:
        inside = words[words.index("nerbb") + 1 :]
        assert f"NERBB_STORE={words[words.index('--volume') + 1].partition(':')[2]} " in dockerfile
        monkeypatch.chdir(reader)
        assert call(shlex.join(inside)) == 0, capsys.readouterr().err
    elif {"get", "delete"} & {*words}:
        assert f"kind: RayJob\nmetadata: {{name: {words[words.index('rayjob') + 1]}}}" in job
    elif "configmap" in words:
        assert f"configMap: {{name: {words[words.index('configmap') + 1]}}}" in job
    elif "logs" in words:  # KubeRay gives its Job the name of the RayJob
        assert f"metadata: {{name: {words[words.index('--selector') + 1].removeprefix('job-name=')}}}" in job


def test_a_test_tries_every_command() -> None:
    """A program that no test above knows would go untried."""
    tried = (
        *OURS,
        "make",
        "source",
        "ray",
        "export",
        "pytest",
        "ruff",
        "sbatch",
        "squeue",
        "scancel",
        "docker",
        "kubectl",
    )
    assert [command for command in commands() if command not in commands_of(*tried)] == []


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("block", blocks(note="output"), ids=str)
def test_output_is_what_the_command_prints(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    call(block.about)
    out, err = capsys.readouterr()
    assert [line.rstrip() for line in (out + err).splitlines()] == block.text.splitlines()


@pytest.mark.parametrize("block", [b for b in blocks("ini") if b.about != "mistakes.ini"], ids=str)
def test_experiment_file_is_valid(block: Block, tmp_path: Path) -> None:
    (tmp_path / "exp.ini").write_text(block.text)
    assert read_ini(tmp_path / "exp.ini").runs


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_program_runs(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    code = compile(block.text, str(block), "exec")
    if block.text.startswith("# not run"):
        return
    if ".run(" in block.text:
        from nerbb_ray.tune import run_tuner

        monkeypatch.setattr(run_tuner, "run_experiment", scored_experiment)
    exec(code, {"__name__": "__main__"})


def expected_keys(section: str) -> Iterator[list[str]]:
    for field in fields(SECTIONS[section]):
        rule = keys_of(SECTIONS[section])[field.name].rule
        missing = "auto" if rule.startswith("auto ") else "-"
        default = missing if field.default is None else written(field.default) or "mandatory"
        yield [field.name, default, rule]


@pytest.mark.parametrize("section", SECTIONS)
def test_key_tables_are_those_of_the_code(section: str) -> None:
    expected = list(expected_keys(section))
    text = (ROOT / "docs/experiment_file.md").read_text().partition(f"\n### [{section}]\n")[2]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in text.partition("\n#")[0].splitlines() if "|" in line]
    assert [row[:3] for row in rows[2:]] == expected
    assert [row[:2] for row in table("README.md", f"| [{section}] | default | meaning |")] == [e[:2] for e in expected]


def test_presets_are_those_of_the_code() -> None:
    rows = table("docs/experiment_file.md", "| preset | max_epochs | early_stopping | lr_schedule |")
    keys = ("max_epochs", "early_stopping", "lr_schedule")
    assert rows == [[name, *(str(preset.get(key, "-")) for key in keys)] for name, preset in PRESETS.items()]


def test_data_sources_and_formats_are_those_of_the_code() -> None:
    from nerbb_ray.data.detect import FORMATS
    from nerbb_ray.data.known_names import BUILTIN

    names = [(name, source.split(":")[0]) for name, source in table("docs/data.md", "| built-in name | from |")]
    kinds = {n: "hub" if s.hub else "files of its repository" if s.files else "by hand" for n, s in BUILTIN.items()}
    assert names == list(kinds.items())
    assert {row[0] for row in table("docs/data.md", "| `--format` | content |")} == set(FORMATS)


def test_commands_are_those_of_nerbb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    listed = re.findall(r"^  .{7}  (\w+)", capsys.readouterr().out.partition("options:")[0], re.MULTILINE)
    paragraph = (ROOT / "README.md").read_text().partition("The commands of `nerbb`")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", paragraph) == listed


def test_every_error_is_named() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert kinds <= set(re.findall(r"\w+Error", (ROOT / "docs/python.md").read_text()))


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.ini")), ids=lambda path: path.name)
def test_example_experiment_loads_and_is_mentioned(path: Path) -> None:
    assert read_ini(path).runs
    assert f"configs/{path.name}" in (ROOT / "README.md").read_text()


def test_results_of_the_quickstart_are_those_of_its_runs() -> None:
    from nerbb_ray.verdict.table import HEADERS

    text = (ROOT / "README.md").read_text().partition("<!-- results:quickstart -->\n```text\n")[2].partition("```")[0]
    spec = read_ini(ROOT / "configs/quickstart.ini")
    assert all(header in text for header in HEADERS)
    for run in spec.runs:
        row = rf"^ *[*=]? +{run.name} +(\d+)/{spec.settings.multiple_runs} +(\d[\d, ]*\d)   +\d\.\d+ \(\d\.\d+, "
        (found,) = re.finditer(row, text, re.MULTILINE)
        epochs = [int(number) for number in found[2].split(", ")]
        assert len(epochs) == int(found[1]) == spec.settings.multiple_runs
        # numbers of an older version of the file would be a lie
        assert max(epochs) <= run.hparams.max_epochs
        assert run.hparams.early_stopping or set(epochs) == {run.hparams.max_epochs}


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in [slug(h) for h in re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)], target


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_page_has_no_paths_of_a_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.)>])/(home|tmp|work|root|Users)\b", page.read_text())


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("reader")
def test_the_tutorial_really_runs(reader: Path) -> None:
    (tutorial,) = [b for b in blocks("bash") if b.page == "README.md" and "nerbb create" in b.text]
    shutil.rmtree(reader / "store/results")
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euc", f'PATH="{bin_folder}:$PATH"\n{tutorial.text}'], cwd=reader, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"runB +2/2", done.stdout)
