"""A study as files: one HTML page with tables and pictures, or the pictures alone."""

from pathlib import Path

from nerbb_ray.html.document import Section, document, panels, paragraph, table
from nerbb_ray.html.figures import figure, save_picture
from nerbb_ray.study.plots import draw_apart, study_figure
from nerbb_ray.study.points import Study
from nerbb_ray.study.text import LEGEND, header, rows
from nerbb_ray.verdict.marks import shown_metric


def study_page(study: Study) -> str:
    """The HTML: a section for every data set and model."""
    ok, total = study.trials
    sections = [
        Section(
            panel.title,
            paragraph(LEGEND)
            + table(header(panel), rows(panel, study.metric), numeric=range(1, 1 + 2 * len(panel.approaches)))
            + panels(map(figure, draw_apart(panel, study.metric)))
            + paragraph("Bands: one standard deviation; of the epochs lowest to highest."),
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
        ResultError: as `save_picture`.
    """
    save_picture(study_figure(study), path)
