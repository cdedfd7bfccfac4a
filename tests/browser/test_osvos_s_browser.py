"""The proposal explorer in JupyterLab, as a student uses it."""

import json

import nbformat
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

SET_UP = """
import numpy as np
import torch
from vos_lab.methods.osvos_s import CLASSES, OSVOSS, ClassNetwork
from vos_lab.methods.proposals import Proposal
from vos_lab.video import Video
from vos_lab.view.widgets.osvos_s import ProposalExplorer

# A dark box, which is the object, and a brighter one beside it, which is a stranger.
SIZE = (60, 100)
first, other = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
first[20:40, 10:40], other[20:40, 60:90] = 1, 1
frames = np.full((5, *SIZE, 3), 235, np.uint8)
frames[:, first > 0] = 40
frames[1:, other > 0] = 140

class Boxes:
    def propose(self, image):
        rows = np.arange(image.shape[0]) * SIZE[0] // image.shape[0]
        columns = np.arange(image.shape[1]) * SIZE[1] // image.shape[1]
        return [Proposal(m[rows][:, columns].astype(np.float32), 0.9) for m in (first, other)]

class Bright(ClassNetwork):
    def forward(self, x):
        inside = (x[:, :3] * x[:, 3:]).sum(dim=(1, 2, 3)) / x[:, 3:].sum(dim=(1, 2, 3))
        logits = torch.zeros(len(x), len(CLASSES) + 1)
        logits[:, CLASSES.index("animal")] = 4.0 * (inside <= 1.2)
        logits[:, CLASSES.index("person")] = 4.0 * (inside > 1.2)
        return logits

method = OSVOSS(Bright(), Boxes(), parent=None, steps=20, batch=1, augmentation="none")
video = Video("boxes", frames, masks=[first] * 5)
method.start(frames[0], first)
stranger = np.stack([t * other > 0 for t in range(5)])
"""
SHOW = "looking = ProposalExplorer(method, video, frame=2, stranger=stranger)\nlooking"


@pytest.fixture(scope="module")
def page(lab):
    cells = [nbformat.v4.new_code_cell(source) for source in (SET_UP, SHOW)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, lab.folder / "looking.ipynb")
    lab.open("looking.ipynb")
    lab.run_all()
    yield lab
    lab.close()


@pytest.fixture
def looking(page):
    found = page.wait(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, ".vos-explorer"),
        60,
        "there is no explorer",
    )[0]
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    page.wait(lambda _: picture(found), 30, "there is no picture")
    return found


def picture(looking):
    canvases = looking.find_elements(By.CSS_SELECTOR, ".vos-gallery canvas")
    return canvases[0] if canvases and canvases[0].size["width"] > 100 else None


def names(looking) -> list[str]:
    return [row.text for row in looking.find_elements(By.CSS_SELECTOR, ".vos-number .vos-name")]


def click(page, looking, x: float, y: float, shift: bool = False) -> None:
    """Click a place of the first picture, in shares of its sides."""
    canvas = picture(looking)
    width, height = canvas.size["width"], canvas.size["height"]
    chain = ActionChains(page.driver)
    if shift:
        chain = chain.key_down(Keys.SHIFT)
    chain = chain.move_to_element_with_offset(
        canvas, round((x - 0.5) * width), round((y - 0.5) * height)
    ).click()
    if shift:
        chain = chain.key_up(Keys.SHIFT)
    chain.perform()


def known(page, expression: str):
    return json.loads(page.run(f"import json; print(json.dumps({expression}))"))


def test_a_clicked_proposal_says_what_it_is(page, looking):
    click(page, looking, 0.75, 0.5)
    page.wait(lambda _: names(looking)[:1] == ["person"], 30, "a click says nothing")
    click(page, looking, 0.25, 0.5)
    page.wait(lambda _: names(looking)[:1] == ["animal"], 30, "the second click says nothing")
    assert known(page, "looking.clicked") == 0


def test_turning_the_trust_changes_the_clip(page, looking):
    clip = looking.get_attribute("data-clip")
    knob = looking.find_element(By.CSS_SELECTOR, "input[name=trust]")
    page.driver.execute_script(
        "arguments[0].value = 0.2;"
        "arguments[0].dispatchEvent(new Event('input', { bubbles: true }));",
        knob,
    )
    page.wait(lambda _: looking.get_attribute("data-clip") != clip, 30, "the clip stays as it was")
    assert known(page, "looking.values['trust']") == 0.2


def test_with_shift_a_proposal_gets_into_the_prior(page, looking):
    click(page, looking, 0.75, 0.5, shift=True)
    page.wait(
        lambda _: known(page, "bool(looking._priors[1][0, 30, 75] > 0.9)"),
        30,
        "the prior stays as it was",
    )
    reset = [b for b in looking.find_elements(By.TAG_NAME, "button") if b.text == "Reset"]
    reset[0].click()
    page.wait(
        lambda _: known(page, "bool(looking._priors[1][0, 30, 75] < 0.1)"), 30, "Reset does nothing"
    )
    assert known(page, "looking.values['trust']") == 1
