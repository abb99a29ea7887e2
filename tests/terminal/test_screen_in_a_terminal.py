"""The live table in a real terminal: 60 trials at 30 rows, 9 trials at 80 columns, from the first to the last frame."""

import re
from pathlib import Path

import pytest
from fixtures.terminal import Terminal

from nerbb_ray.paths import StorePaths

# many trials in seconds: everything but the training is real
SEARCH = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from fixtures.jobs import job
from nerbb_ray.config.ini import build_spec
from nerbb_ray.config.trials import expand
from nerbb_ray.training.activity import Activity, ActivityFile
from nerbb_ray.tune.job import JobBook
from nerbb_ray.tune.screen import Screen
from nerbb_ray.tune.trial_plan import TrialPlan

seeds, rates, folder = int(sys.argv[1]), list(map(float, sys.argv[2].split(","))), Path(sys.argv[3])
params = {"dataset_name": "d", "pretrained_model_name": "m", "lr_max": rates, "multiple_runs": seeds, "max_epochs": 4}
spec = build_spec("politics", params=params | {"early_stopping": False, "lr_schedule": "linear", "lr_warmup_epochs": 1})
book = JobBook(folder / "jobs")
plan = TrialPlan(spec, 2)
screen = Screen(plan, book, 2)
screen.setup()
report = {"stage": "WARMUP_OR_CONSTANT", "lr": 1e-4, "val/loss": 0.3}
waiting = list(expand(spec))
running = []
while waiting or running:
    while waiting and len(running) < 2:
        trial = plan.next()
        waiting.pop(0)
        book.put(job(trial, storage=folder))
        one = SimpleNamespace(config={"run": trial.run, "seed": trial.seed})
        screen.on_trial_start(trial=one)
        running.append((trial, one, ActivityFile(job(trial, storage=folder).activity)))
    trial, one, file = running.pop(0)
    for epoch in range(4):
        file.tell(Activity("warm-up" if epoch == 0 else "training", epoch, 10, 20))
        time.sleep(float(sys.argv[4]))
        f1 = 0.5 + trial.seed % 7 / 20 - epoch / 100
        screen.on_trial_result(trial=one, result=report | {"epoch": epoch, "val/entity/micro/f1": f1})
    file.tell(Activity("testing", 4))
    time.sleep(float(sys.argv[4]))
    if trial.seed % 10 == 5:
        screen.on_trial_error(trial=one)
        plan.end(trial, -1.0, 1.0)
    else:
        screen.on_trial_complete(trial=one)
        plan.end(trial, f1, 1.0)
screen.on_experiment_end()
print("that is all")
"""


def start(tmp_path: Path, seeds: int, rates: str, *, rows: int, columns: int, pause: float, **env: str) -> Terminal:
    script = tmp_path / "search.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n{SEARCH}")
    return Terminal([script, seeds, rates, tmp_path, pause], rows=rows, columns=columns, cwd=tmp_path, **env)


class Frames:
    """Checks every screen that has a header."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.headers: list[str] = []
        self.states: set[str] = set()
        self.rows: list[str] = []

    def __call__(self) -> None:
        lines = [line for line in self.terminal.lines() if line]
        heads = [k for k, line in enumerate(lines) if re.match(r"politics  \d+/", line)]
        if not heads:
            return
        self.headers.append(lines[heads[-1]])
        self.rows += lines[heads[-1] + 1 :]
        self.states |= set(re.findall(r"warm-up|training|testing|done|failed", "\n".join(lines)))


@pytest.mark.slow
def test_sixty_trials_on_thirty_rows(tmp_path: Path) -> None:
    terminal = start(tmp_path, 20, "1e-5,3e-5,1e-4", rows=30, columns=100, pause=0.03)
    frames = Frames(terminal)
    assert terminal.to_the_end(120, frames) == 0
    assert len(frames.headers) > 5
    assert "about" in "".join(frames.headers), "the end is in sight all the time"
    assert frames.states >= {"training", "done", "failed"}
    everything = terminal.everything()
    assert sum(line.startswith("politics  ") for line in everything) == 1, "frames replace each other"
    last = next(line for line in everything if line.startswith("politics  "))
    assert last.startswith("politics  54/60 done, 6 failed, best .800 runA(lr_max=")
    assert any(line.startswith("not shown: ") for line in everything)
    assert any("that is all" in line for line in everything)


def test_nine_trials_on_eighty_columns(tmp_path: Path) -> None:
    terminal = start(tmp_path, 3, "1e-5,3e-5,1e-4", rows=24, columns=80, pause=0.3)
    frames = Frames(terminal)
    assert terminal.to_the_end(120, frames) == 0
    everything = terminal.everything()
    rows = [line.split() for line in everything if line.startswith("runA ")]
    assert sorted(tuple(row[1:3]) for row in rows) == sorted(
        (rate, str(seed)) for rate in ("1e-5", "3e-5", "1e-4") for seed in (43, 44, 45)
    )
    assert not any("..." in line or "runA(" in line for line in frames.rows)
    assert frames.states >= {"training", "done", "failed"}
    bars = [row for row in frames.rows if re.search(r"\[#+ *\] +[1-4]/4 +10/20", row)]
    assert bars, "\n".join(frames.rows)


@pytest.mark.parametrize(
    ("environment", "coloured", "moving"),
    [({}, True, True), ({"NO_COLOR": "1"}, False, True), ({"TERM": "dumb"}, False, False)],
)
def test_colours_and_movement_are_those_that_the_terminal_takes(
    tmp_path: Path, environment: dict[str, str], coloured: bool, moving: bool
) -> None:
    terminal = start(tmp_path, 1, "1e-5,1e-4", rows=24, columns=80, pause=0.15, **environment)
    assert terminal.to_the_end(120) == 0
    assert bool(re.search(r"\x1b\[3\dm|\x1b\[1;3\dm", terminal.raw)) == coloured
    assert ("\x1b[2K" in terminal.raw) == moving
    assert ("runA(lr_max=1e-05)-43: started" in terminal.raw.replace("\r\n", "")) != moving


SIXTY = """
[dataset]
dataset_name = tiny
[model]
pretrained_model_name = tiny-bert
[settings]
multiple_runs = 20
precision = fp32
[resources]
cpus_per_worker = 1
[hparams]
max_seq_length = 32
batch_size = 8
max_epochs = 3
early_stopping = False
lr_schedule = linear
lr_max = 1e-3, 2e-3, 3e-3
"""


HEADER = re.compile(r"exp  ([2-9]|[1-5]\d)/60 done, .*best (\.\d{3}|1\.000).*, about .* left")
RUNNING = re.compile(r"runA +[123]e-3 +\d\d +(loading|warm-up|training|testing)")
COUNTS = re.compile(r"not shown: .*\d+ waiting")


def whole_frame(lines: list[str]) -> bool:
    """Whether header, a trial that runs, and the counts are there: while a frame is drawn, a part of it is seen."""
    return all(any(map(part.match, lines)) for part in (HEADER, RUNNING, COUNTS))


@pytest.mark.ray
@pytest.mark.slow  # sixty trials: Ray alone takes a while
@pytest.mark.timeout(600)
def test_ctrl_c_in_a_search_of_sixty_trials(store: StorePaths, tmp_path: Path) -> None:
    file = tmp_path / "exp.ini"
    file.write_text(SIXTY)
    words = ["-m", "nerbb_ray.tune", file, "--store", store.root]
    terminal = Terminal(words, rows=30, columns=80, cwd=tmp_path)
    terminal.until(lambda lines: "starting Ray ..." in lines, 60)
    terminal.until(whole_frame, 300)
    terminal.process.sendintr()
    assert terminal.to_the_end(180) == 130
    everything = terminal.everything()
    said = " ".join(line.strip() for line in everything)  # sentences break at the width of the screen
    assert len(re.findall(r"not started: \d+ trials of 60", said)) == 1
    assert sum(line.startswith("interrupted: ") for line in everything) <= 1
    assert store.config_copy("exp").read_text() == SIXTY
    assert "Traceback" not in said
