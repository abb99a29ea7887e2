"""Pictures of a web page, as SVG inside of it: sharp at any size, with text that can be searched and copied."""

import io
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.errors import ResultError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")
# Okabe and Ito: can be told apart by colour-blind readers
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933", "#666666")


def new_figure(width: float = 8.0, height: float = 3.5) -> "Figure":
    """An empty figure, apart from pyplot's global state; size in inches at 72 points."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def figure(drawn: "Figure", caption: str = "") -> str:
    """The HTML of a drawn figure: the same drawing gives the same text; `document` makes its ids those of one page."""
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nerbb_ray"}):
        drawn.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    svg = target.getvalue()[target.getvalue().index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # ids such as "figure_1" are the same in every figure; nothing refers to them
    svg = re.sub(r'<g id="[\w.]+_\d+">', "<g>", svg)
    text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{svg}{text}</figure>\n"


def save_picture(drawn: "Figure", path: Path) -> None:
    """
    Raises:
        ResultError: the name of the file does not say a format that can be drawn, or it cannot be written.
    """
    if path.suffix.lower() not in PICTURES:
        raise ResultError(f"the file of a picture must end in {', '.join(PICTURES)}; got {path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, dpi=150)
    except OSError as error:
        raise ResultError(f"the picture {path} cannot be written: {error.strerror}") from error
