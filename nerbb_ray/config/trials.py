"""From an experiment to the list of its trials: every run with every seed."""

from dataclasses import asdict, dataclass
from typing import Any

from nerbb_ray.config.spec import DatasetParams, ExperimentSpec, HParams, ModelParams, RunSpec, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec:
    """One fine-tuning: a run with a seed."""

    run: str
    seed: int
    dataset: DatasetParams
    model: ModelParams
    hparams: HParams
    settings: Settings

    @property
    def name(self) -> str:
        """How the trial is called on the screen, in Ray and in MLflow: `runA-43`."""
        return f"{self.run}-{self.seed}"

    def to_dict(self) -> dict[str, Any]:
        """Plain nested dictionaries of JSON values; `from_dict` is the exact inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrialSpec":
        return cls(
            run=values["run"],
            seed=values["seed"],
            dataset=DatasetParams(**values["dataset"]),
            model=ModelParams(**values["model"]),
            hparams=HParams(**values["hparams"]),
            settings=Settings(**values["settings"]),
        )

    def params(self) -> dict[str, Any]:
        """Every resolved parameter, flat, by its INI key (and `run`, `seed`), as MLflow shows them."""
        sections = (self.dataset, self.model, self.hparams, self.settings)
        flat = {key: value for section in sections for key, value in asdict(section).items()}
        # `seed` of [settings] is the base of all seeds; the trial's own replaces it
        return {"run": self.run, **flat, "seed": self.seed}


def expand(spec: ExperimentSpec) -> tuple[TrialSpec, ...]:
    """All trials of an experiment, seed by seed, so that every run has its first seed before any has its second.

    A run whose values the search is yet to choose has none.
    """
    runs = [run for run in spec.runs if not run.space]
    return tuple(trial_of(spec, run, seed) for seed in spec.settings.seeds for run in runs)


def trial_of(spec: ExperimentSpec, run: RunSpec, seed: int) -> TrialSpec:
    return TrialSpec(
        run=run.name, seed=seed, dataset=run.dataset, model=run.model, hparams=run.hparams, settings=spec.settings
    )


def most_trials(spec: ExperimentSpec) -> int:
    """How many trials an experiment can have; racing and limits may end it sooner."""
    runs = sum(spec.search.num_samples if run.space else 1 for run in spec.runs)
    return runs * spec.settings.multiple_runs
