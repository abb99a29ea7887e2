"""Addresses of MLflow's page that open what people look for."""

from pathlib import Path

from nerbb_ray.mlflow_store.sql import read_ids

LISTED = 5


def runs_link(url: str, experiment_id: str) -> str:
    """The table of an experiment's runs; without the workflow, MLflow 3.17 shows its page for generative AI."""
    return f"{url}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"


def newest_links(url: str, database: Path) -> list[str]:
    """`politics: http://...`: of the newest experiments of a database."""
    return [f"{name}: {runs_link(url, number)}" for name, number in list(read_ids(database).items())[:LISTED]]
