"""All commands of `nerbb`, in the order in which a user needs them."""

from nerbb_ray.commands import compare, completion, data, doctor, experiments, models, report, stores, study
from nerbb_ray.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    stores.CREATE,
    data.SET_UP_DATASET,
    doctor.COMMAND,
    *experiments.COMMANDS,
    compare.COMMAND,
    report.COMMAND,
    study.COMMAND,
    *models.COMMANDS,
    *stores.PAGES,
    stores.CLEAR_DATA,
    completion.COMMAND,
)
