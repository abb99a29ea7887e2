"""Pages are one file, well-formed, escaped, and load nothing."""

import re
from html.parser import HTMLParser

from nerbb_ray.html.document import Section, document, folded, paragraph, preformatted, table
from nerbb_ray.html.figures import figure, new_figure

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Outline(HTMLParser):
    """Collects ids and visible text, and fails on tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for key, value in attrs if key == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for key, value in attrs if key == "id" and value]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


NASTY = "<script>alert(1)</script> & \"q\" 'a' \u2028 \u00e9"


def test_every_text_comes_out_as_it_went_in() -> None:
    body = paragraph(NASTY) + table([NASTY], [[NASTY]], caption=NASTY) + preformatted(NASTY) + folded(NASTY, "")
    page = document(NASTY, [Section(NASTY, body)], about=[NASTY])
    seen = outline(page)
    assert "<script" not in page
    places = ("title", "h1", "about", "h2", "paragraph", "caption", "th", "td", "pre", "summary")
    assert seen.text.count(NASTY) == len(places)


def test_sections_are_reached_by_links() -> None:
    page = document("t", [Section("Results per run", ""), Section("Learning curves", "")])
    assert re.findall('href="#([^"]+)"', page) == ["results-per-run", "learning-curves"]
    assert set(outline(page).ids) >= {"results-per-run", "learning-curves"}


def test_page_loads_nothing_from_elsewhere() -> None:
    drawn = new_figure()
    drawn.subplots().plot([1, 2], [3, 4], label="x")
    page = document("t", [Section("a", figure(drawn, "caption"))])
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "http://" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", page).replace('"http://www.w3.org', "")


def test_figures_of_one_page_share_no_ids_and_keep_their_text() -> None:
    pictures = []
    for _ in range(2):
        drawn = new_figure()
        axes = drawn.subplots()
        axes.plot([1, 2], [3, 4], marker="o")
        axes.set_title("Entity micro F1")
        pictures.append(figure(drawn))
    seen = outline(document("t", [Section("a", "".join(pictures))]))
    assert len(seen.ids) == len(set(seen.ids))
    assert "".join(seen.text).count("Entity micro F1") == 2
