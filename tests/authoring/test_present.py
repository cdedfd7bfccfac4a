"""Slides: which cell goes where, what becomes a note, how a formula is drawn."""

import re

import nbformat
import pytest

from vos_lab.authoring import present
from vos_lab.authoring.build import WIDGET
from vos_lab.authoring.present import (
    choose_widgets,
    demo_slides,
    export,
    formula,
    page,
    slides,
    widget_cells,
)


def text(source: str, slide: str = "slide", **ours: str):
    metadata = {"slideshow": {"slide_type": slide}, "vos_lab": {"kind": "text", **ours}}
    return nbformat.v4.new_markdown_cell(source, metadata=metadata)


def code(source: str, slide: str = "slide", name: str = "cell", outputs=(), tags=()):
    metadata = {"slideshow": {"slide_type": slide}, "vos_lab": {"kind": "code", "name": name}}
    return nbformat.v4.new_code_cell(
        source, metadata={**metadata, "tags": list(tags)}, outputs=list(outputs)
    )


def shown(**data: str):
    return nbformat.v4.new_output(
        "display_data", {k.replace("__", "/").replace("_", "-"): v for k, v in data.items()}
    )


def printed(words: str, stream: str = "stdout"):
    return nbformat.v4.new_output("stream", name=stream, text=words)


def book(*cells):
    return nbformat.v4.new_notebook(cells=cells)


def test_cells_go_onto_slides_by_their_type():
    picture = shown(text__html="<img alt='a dog' src='data:,'>")
    dealt = slides(
        book(
            text("# Title\n\nWords."),
            code("a", "fragment", outputs=[picture]),
            code("b", "skip", outputs=[picture]),
            text("## Second", "subslide"),
            code("c", "-", outputs=[printed("J = 0.5\n")]),
            code("d", outputs=[]),  # shows nothing, so it is no slide
        )
    )
    assert [slide.heading for slide in dealt] == ["Title", "Second"]
    assert len(dealt[0].cells) == 2
    assert 'class="cell output" data-fragment' in dealt[0].cells[1]
    assert "a dog" in dealt[0].cells[1]
    assert "<pre>J = 0.5\n</pre>" in dealt[1].cells[1]
    assert "data-fragment" not in dealt[1].cells[1]


def test_what_is_not_shown_is_a_note_of_the_slide_before():
    dealt = slides(
        book(
            text("# Title"),
            text("Say *this*.", "notes"),
            text("Explained at length.", "skip"),
            text("### Exercise: overlay", "skip", kind="heading"),
            text("Pixels count.\n\n## Write it: J\n\nFor who works alone."),
        )
    )
    assert [re.sub(r"<.*?>|\n", "", note) for note in dealt[0].notes] == [
        "Say this.",
        "Explained at length.",
    ]
    assert "alone" not in "".join(dealt[1].cells)
    assert "alone" in "".join(dealt[1].notes)
    assert dealt[1].heading == "Title"  # a slide without a heading goes on under the last one


def test_a_slide_stands_under_the_last_heading_even_if_that_is_not_shown():
    dealt = slides(
        book(
            text("# Title"),
            text("## For the instructor", "notes"),
            code("a", outputs=[printed("1")]),
            text("## Write it: a second part\n\nWords.", "skip"),
            text("### Exercise: overlay", "skip", kind="heading"),
            code("b", outputs=[printed("2")]),
        )
    )
    assert [slide.heading for slide in dealt] == ["Title", "Title", "A second part"]


def test_notes_for_the_instructor_stand_below_the_first_slide_wherever_they_are_written():
    cells = [text("# Title"), text("## Next"), text("Say this.", "notes", kind="instructor")]
    dealt = slides(book(*cells))
    assert ["Say this" in "".join(slide.notes) for slide in dealt] == [True, False]


def test_an_attached_picture_is_on_its_slide():
    title = text("# Title\n\n![Darkness.](attachment:a.webp)")
    title.attachments = {"a.webp": {"image/webp": "QUJD"}}
    assert 'src="data:image/webp;base64,QUJD" alt="Darkness."' in slides(book(title))[0].cells[0]


def test_a_title_with_its_picture_has_a_slide_to_itself():
    title = text("# Title\n\n![Darkness.](attachment:a.webp)")
    title.attachments = {"a.webp": {"image/webp": "QUJD"}}
    dealt = slides(book(title, code("a", "fragment", outputs=[printed("1")])))
    assert [len(slide.cells) for slide in dealt] == [1, 1]
    assert "data-fragment" not in dealt[1].cells[0]


def test_a_slide_shows_no_warning_and_no_progress_bar():
    bar = shown(text__plain="Baseline: 100%|####| 40/40")
    dealt = slides(book(code("a", outputs=[printed("careful!", "stderr"), bar, printed("ok")])))
    assert dealt[0].cells == ['<div class="cell output"><div><pre>ok</pre></div></div>']


def test_a_living_widget_is_left_to_the_browser_and_a_saved_one_is_its_picture():
    both = nbformat.v4.new_output(
        "display_data", {WIDGET: {"model_id": "</script>x"}, "text/html": "<img alt='still'>"}
    )
    saved = shown(text__html="<img alt='still'>")
    alive = slides(book(code("a", outputs=[both])))[0].cells[0]
    assert alive.startswith('<div class="cell widget">')
    assert "still" not in alive
    assert alive.count("</script>") == 1  # what a model is called cannot end the script
    assert "still" in slides(book(code("a", outputs=[saved])))[0].cells[0]


def test_output_is_text_and_no_html():
    dealt = slides(book(code("a", outputs=[printed("<b>1 < 2</b>")])))
    assert "&lt;b&gt;1 &lt; 2" in dealt[0].cells[0]


@pytest.mark.parametrize(
    "tex",
    [
        r"J = \frac{|M \cap G|}{|M \cup G|}",
        r"\begin{bmatrix} \overline{I_x I_x} & 1 \\ 2 & 3 \end{bmatrix}",
        r"\begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\mathcal{L} = -\sum_{j \in Y_+} \log P(y_j = 1 \mid X; \mathbf{W})",
    ],
)
@pytest.mark.parametrize("display", [True, False])
def test_a_formula_is_drawn_in_the_colour_and_size_of_the_text(tex, display):
    drawn = formula(tex, display)
    assert "<svg" in drawn
    assert "currentColor" in drawn
    assert re.search(r'<svg[^>]* width="[\d.]+em"', drawn)
    assert not re.search(r"href=.https?:", drawn)
    assert "id=" not in drawn  # two formulas never share a glyph by name


def test_a_formula_that_cannot_be_drawn_stays_readable():
    assert formula(r"\frac{a}{") == '<span class="math"><code>\\frac{a}{</code></span>'
    assert "<svg" in "".join(slides(book(text("One $x^2$ and\n\n$$y = 1$$")))[0].cells)


def test_a_page_asks_for_nothing_else():
    written = page("Title & more", slides(book(text("# Title\n\n[A link](https://example.org)"))))
    assert "<title>Title &amp; more</title>" in written
    assert not re.search(r"(src|href)=\"(?!data:)(?!https://example.org)", written)
    assert "@import" not in written


def test_widgets_are_found_by_cell_and_by_class():
    notebook = book(
        text("# Title", name="title"),
        code("Player(video)", name="player"),
        code("studio = ChallengeStudio()\nstudio", name="challenge-studio"),
        code("quiz('00_tour', 'which task')", name="quiz"),
        code("Player(real)", name="real", tags=["real-data"]),
        code("np.array(Video(x))", name="no-widget"),
    )
    assert widget_cells(notebook) == {"player": "Player", "challenge-studio": "ChallengeStudio"}
    assert choose_widgets(notebook, "") == ["player", "challenge-studio"]
    assert choose_widgets(notebook, "challengestudio") == ["challenge-studio"]
    assert choose_widgets(notebook, "Player") == ["player"]
    with pytest.raises(ValueError, match=r"no widget 'quiz'; it has: player \(Player\), chall"):
        choose_widgets(notebook, "quiz")
    with pytest.raises(ValueError, match="no widget at all"):
        choose_widgets(book(text("# Title")), "")
    notebook.cells[2].outputs = [printed("here")]
    assert [slide.heading for slide in demo_slides(notebook, ["challenge-studio"])] == [
        "challenge-studio"
    ]


def test_the_show_runs_no_further_than_its_last_widget():
    cells = [code("Player(video)", name="player"), code("slow()", name="slow")]
    show = present.Show("Title", book(*cells), ["player"])
    assert show.count == 1
    assert "cell 1 of 1" in show.page("/")
    show.error = "cell <x> failed"
    assert "cell &lt;x&gt; failed" in show.page("/")


def test_an_export_needs_a_lesson_and_its_solved_notebook(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such lesson"):
        export("99_nothing", tmp_path / "slides.html")
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    (lessons / "05_small.py").write_text("# %% [markdown] minutes=5\n# # Small\n")
    with pytest.raises(FileNotFoundError, match="`vos-lab build 05_small` makes it"):
        export("05_small", tmp_path / "slides.html", tmp_path)
