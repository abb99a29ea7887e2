"""All commands of `nerbb`, in the order in which a user needs them."""

from nerbb_ray.commands import completion, experiments, report, stores
from nerbb_ray.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    stores.CREATE,
    *experiments.COMMANDS,
    report.COMMAND,
    *stores.PAGES,
    stores.CLEAR_DATA,
    completion.COMMAND,
)
