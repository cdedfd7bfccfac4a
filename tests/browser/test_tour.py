"""Lesson 00 as a student meets it: open it, run all, scrub, paint, and go on in Python."""

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

PAINTED = "print(int((painter.mask == 1).sum()))"


@pytest.fixture
def tour(lab):
    if not (lab.folder / "00_tour.ipynb").is_file():
        pytest.skip("notebooks/00_tour.ipynb is not built; `vos-lab build` makes it")
    lab.open("00_tour.ipynb")
    yield lab
    lab.close()


def test_the_first_hour_works(tour, tmp_path):
    tour.run_all()
    # Exercises that nobody has attempted yet are all that may stop a cell.
    assert [e for e in tour.errors() if not is_not_attempted(e)] == []

    def first(selector: str):
        found = tour.wait(
            lambda driver: driver.find_elements(By.CSS_SELECTOR, f"{selector}[data-frame]"),
            what=f"lesson 00 shows no {selector}",
        )[0]
        tour.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    cells = tour.cells()
    player = first(".vos-player")
    tour.driver.execute_script("arguments[0].focus()", player)
    ActionChains(tour.driver).send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 3).perform()
    tour.wait(lambda _: player.get_attribute("data-frame") == "3", what="the scrubber is stuck")
    assert tour.driver.save_screenshot(str(tmp_path / "player.png"))

    painter = first(".vos-painter")
    before = int(tour.run(PAINTED))
    tour.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", painter)
    easel = painter.find_element(By.CLASS_NAME, "vos-easel")
    tour.driver.execute_script("arguments[0].focus()", painter)
    ActionChains(tour.driver).send_keys("b1").perform()
    stroke = ActionChains(tour.driver, duration=20)
    stroke.move_to_element_with_offset(easel, -60, -60).click_and_hold()
    stroke.move_by_offset(120, 0).move_by_offset(0, 120).release().perform()
    assert tour.driver.save_screenshot(str(tmp_path / "painter.png"))
    assert int(tour.run(PAINTED)) > before + 100
    assert tour.cells()[: len(cells)] == cells  # no key was taken by JupyterLab


def is_not_attempted(error: str) -> bool:
    return error.startswith("NotImplementedError") or "not attempted" in error.lower()
