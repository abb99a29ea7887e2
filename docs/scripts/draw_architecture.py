"""Draws docs/architecture.svg: `python docs/scripts/draw_architecture.py` after a change of rooms or of the data flow.

The rooms and their floors are those that tests/test_imports.py holds the imports to.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs/architecture.svg"
COLOURS = {
    "#e4ecf7": ("cli", "commands", "export", "experiment", "dataset", "model", "store"),
    "#efe6f6": ("report", "doctor", "mistakes", "learning_curve", "study", "html"),
    "#fdeccd": ("tune", "forecast", "preparation"),
    "#fbdcd2": ("training", "inference", "annotation"),
    "#dcf0e3": ("mlflow_store", "web_servers", "results", "verdict"),
    "#d8eef2": ("data", "ner", "config"),
}
OTHER = "#eceff1"
WIDTH, TOP, STEP, FLOOR_HEIGHT, BOX_HEIGHT, BOX_WIDTH = 980, 62, 78, 34, 44, 210
LEFT, MIDDLE, RIGHT = 510, 625, 740  # where the boxes of the data flow begin
# box -> (x, step from the top, width, what the room hands on)
FLOW = {
    "data": (LEFT, 0, BOX_WIDTH, "files, hub: sentences, Corpus"),
    "config": (RIGHT, 0, BOX_WIDTH, "experiment file: ExperimentSpec"),
    "preparation": (MIDDLE, 1, BOX_WIDTH, "tokenised data, sized trials"),
    "forecast": (LEFT - 20, 2, 105, "time, cost"),
    "tune": (MIDDLE, 2, BOX_WIDTH, "plan of trials, Tuner, scheduler"),
    "training": (MIDDLE, 3, BOX_WIDTH, "train_trial: one run, one seed"),
    "ner": (MIDDLE, 4, BOX_WIDTH, "counts, metrics"),
    "mlflow_store": (LEFT, 5, BOX_WIDTH, "runs, curves, files"),
    "results": (RIGHT, 5, BOX_WIDTH, "TrialResult, SeedMean"),
    "inference": (LEFT, 6, BOX_WIDTH, "entities in new texts"),
    "verdict": (RIGHT, 6, BOX_WIDTH, "better, worse, tied"),
    "report, commands": (MIDDLE, 7, BOX_WIDTH, "table, page, model card"),
}
ARROWS = (  # from the lower edge of a box to the upper edge of another one
    ("data", "preparation"),
    ("config", "preparation"),
    ("preparation", "tune"),
    ("tune", "training"),
    ("training", "ner"),
    ("ner", "mlflow_store"),
    ("ner", "results"),
    ("results", "verdict"),
    ("inference", "report, commands"),
    ("verdict", "report, commands"),
)
HEAD = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {{height}}" width="{WIDTH}" height="{{height}}"
 role="img" aria-label="The rooms of nerbb_ray and what they hand on">
<style>
text {{{{ font: 13px system-ui, sans-serif; fill: #1b2733; text-anchor: middle }}}}
.title {{{{ font-size: 16px; font-weight: 600 }}}}
.small {{{{ font-size: 11px; fill: #51606e }}}}
.room {{{{ font-weight: 600 }}}}
.box {{{{ stroke: #8a97a3 }}}}
.arrow {{{{ fill: none; stroke: #51606e; stroke-width: 1.4; marker-end: url(#head) }}}}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 L8 4 L0 8 z" fill="#51606e"/></marker></defs>
<rect width="{WIDTH}" height="{{height}}" fill="#fff"/>
"""


def floors() -> tuple[tuple[str, ...], ...]:
    """The rooms from top to bottom."""
    for node in ast.parse((ROOT / "tests/test_imports.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS":
            found: tuple[tuple[str, ...], ...] = ast.literal_eval(node.value)
            return found
    raise LookupError("no FLOORS in tests/test_imports.py")


def text(x: float, y: float, content: str, kind: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{content}</text>'


def box(x: float, y: float, width: float, height: float, room: str) -> str:
    colour = next((colour for colour, rooms in COLOURS.items() if room.split(",")[0] in rooms), OTHER)
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" class="box" fill="{colour}"/>'


def path(*points: tuple[float, float]) -> str:
    return f'<path class="arrow" d="M{" L".join(f"{x:g} {y:g}" for x, y in points)}"/>'


def drawn_floors() -> Iterator[str]:
    yield text(240, 30, "Rooms, from top to bottom", "title")
    yield text(240, 48, "imports go down only", "small")
    for number, rooms in enumerate(floors()):
        y, width = TOP + number * (FLOOR_HEIGHT + 10), round((440 - 8 * (len(rooms) - 1)) / len(rooms), 1)
        for place, room in enumerate(rooms):
            x = 20 + place * (width + 8)
            yield box(x, y, width, FLOOR_HEIGHT, room)
            yield text(x + width / 2, y + 22, room, "room")


def drawn_flow() -> Iterator[str]:
    yield text(730, 30, "Data flow", "title")
    yield text(730, 48, "what the rooms hand on", "small")
    for room, (x, step, width, what) in FLOW.items():
        yield box(x, TOP + step * STEP, width, BOX_HEIGHT, room)
        yield text(x + width / 2, TOP + step * STEP + 18, room, "room")
        yield text(x + width / 2, TOP + step * STEP + 35, what, "small")
    for start, end in ARROWS:
        shift = (FLOW[start][0] - FLOW[end][0]) / 3.3  # slanting arrows begin and end beside the middle
        inwards = -shift if FLOW[end][0] == MIDDLE else 0.0
        yield path(
            (middle(start) + (0.0 if inwards else -shift), TOP + FLOW[start][1] * STEP + BOX_HEIGHT),
            (middle(end) - inwards, TOP + FLOW[end][1] * STEP - 2),
        )
    yield path((MIDDLE, row("tune")), (LEFT - 20 + 105 + 2, row("forecast")))
    yield path((LEFT + BOX_WIDTH, row("mlflow_store")), (RIGHT - 2, row("results")))
    edge = MIDDLE + BOX_WIDTH
    yield path((edge, row("ner")), (edge + 60, row("ner")), (edge + 60, row("tune")), (edge + 2, row("tune")))
    yield text(edge + 96, row("training") - 4, "a report", "small")
    yield text(edge + 96, row("training") + 10, "every epoch", "small")
    side = LEFT - 15
    yield path(
        (MIDDLE, row("training")), (side, row("training")), (side, row("inference")), (LEFT - 2, row("inference"))
    )
    yield text(LEFT + 20, row("training") - 8, "models", "small")


def middle(room: str) -> float:
    return FLOW[room][0] + FLOW[room][2] / 2


def row(room: str) -> float:
    """The height at which arrows from the side meet a box."""
    return TOP + FLOW[room][1] * STEP + BOX_HEIGHT / 2


def drawn() -> str:
    steps = max(step for _, step, _, _ in FLOW.values())
    height = max(TOP + len(floors()) * (FLOOR_HEIGHT + 10), TOP + steps * STEP + BOX_HEIGHT) + 20
    return HEAD.format(height=height) + "\n".join([*drawn_floors(), *drawn_flow()]) + "\n</svg>\n"


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
