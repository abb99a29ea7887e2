"""A study as files: one HTML page with tables and pictures, or the pictures alone."""

from pathlib import Path

from nerbb_ray.errors import ResultError
from nerbb_ray.html.document import Section, document, paragraph, table
from nerbb_ray.html.figures import figure
from nerbb_ray.study.plots import draw, study_figure
from nerbb_ray.study.points import Study
from nerbb_ray.study.text import LEGEND, header, rows
from nerbb_ray.verdict.marks import shown_metric

PICTURES = (".png", ".svg", ".pdf")


def study_page(study: Study) -> str:
    """The HTML: a section for every data set and model."""
    ok, total = study.trials
    sections = [
        Section(
            panel.title,
            paragraph(LEGEND)
            + table(header(panel), rows(panel, study.metric), numeric=range(1, 1 + 2 * len(panel.approaches)))
            + figure(draw([panel], study.metric), "Bands: one standard deviation; of the epochs lowest to highest."),
        )
        for panel in study.panels
    ]
    about = [f"{shown_metric(study.metric)}; {ok} of {total} trials ended ok"]
    return document(f"Study {study.name}", sections, about=about)


def write_page(study: Study, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(study_page(study), encoding="utf-8")


def write_picture(study: Study, path: Path) -> None:
    """
    Raises:
        ResultError: the name of the file does not say a format that can be drawn.
    """
    if path.suffix.lower() not in PICTURES:
        raise ResultError(f"the file of a picture must end in {', '.join(PICTURES)}; got {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    study_figure(study).savefig(path, dpi=150)
