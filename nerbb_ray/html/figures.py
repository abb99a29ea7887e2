"""Pictures of a web page, as SVG inside of it: sharp at any size, with text that can be searched and copied."""

import io
import re
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from nerbb_ray.errors import ResultError
from nerbb_ray.html.render import macros

PICTURES = (".png", ".svg", ".pdf")
# Okabe and Ito: can be told apart by colour-blind readers. On a page the style sheet has their like, in two schemes.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933", "#666666")
STEPS = ("#b4c0cf", "#8fb1cf", "#5f9ac6", "#2f82bb", "#00588c")  # from low to high
THIN_BELOW = 5  # bars
BROAD = 6.0  # inches: on a phone, letters of a wider figure would be too small
INK, GRID, STEADY, COOLING, LIMIT = "#1d2530", "#e6e9ee", "#dfe7f5", "#f9d9b0", "#b00020"
IN_CSS = {
    "#000000": "currentColor",
    INK: "currentColor",
    "#ffffff": "var(--page)",
    GRID: "var(--line)",
    STEADY: "var(--steady)",
    COOLING: "var(--cooling)",
    LIMIT: "var(--bad)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(COLOURS, start=1)},
    **{colour: f"var(--s{number})" for number, colour in enumerate(STEPS, start=1)},
}
COLOUR = re.compile("|".join(IN_CSS))


def css(colour: str) -> str:
    """A colour of the figures as the style sheet has it."""
    return IN_CSS.get(colour, colour)


def new_figure(width: float = 8.0, height: float = 3.5) -> Figure:
    """An empty figure, apart from pyplot's global state; size in inches at 72 points."""
    return Figure(figsize=(width, height), layout="constrained")


def bar_thickness(usual: float, bars: int) -> float:
    """Of horizontal bars in a figure of fixed height: few have more room, but are not thicker."""
    return usual * min(1.0, bars / THIN_BELOW)


def figure(drawn: Figure, caption: str = "") -> str:
    """The HTML of a drawn figure: the same drawing gives the same text; `document` makes its ids those of one page."""
    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nerbb_ray"}):
        for axes in drawn.axes:
            axes.patch.set_alpha(0)
        drawn.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = target.getvalue()[target.getvalue().index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # ids such as "figure_1" are the same in every figure; nothing refers to them
    svg = re.sub(r'<g id="[\w.]+_\d+">', "<g>", svg)
    svg = COLOUR.sub(lambda found: IN_CSS[found[0]], svg)
    return str(macros("html/templates/parts.html").figure(svg, caption, drawn.get_figwidth() > BROAD))


def save_picture(drawn: Figure, path: Path) -> None:
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
