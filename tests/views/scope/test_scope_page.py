"""The scope's page in a browser: what it shows, and what its buttons and sliders do to the run."""

import numpy as np
import pytest
from processes import wait_until
from scoped import scoped

import neurosim as ns

pytest.importorskip("bokeh")

HOSTILE = "<script>document.title='taken'</script> $$x^2$$ \\(y\\) & \"quoted\""
INNER = """
    const found = [];
    const look = (node) => {
        if (node.matches && node.matches(arguments[0])) found.push(node);
        if (node.shadowRoot) for (const child of node.shadowRoot.children) look(child);
        for (const child of node.children) look(child);
    };
    look(document.body);
    return found;
"""  # elements of a selector, within Bokeh's shadows too


class Page:
    """The page of a scope in a browser: models of Bokeh by their names, and elements within them."""

    def __init__(self, browser, made):
        self.browser = browser.open(made.scope.address)
        browser.wait(lambda: browser.run("return window.Bokeh && Object.keys(Bokeh.index).length > 9"))

    def get(self, name, what):
        return self.browser.run(
            "const d = Bokeh.documents[0]; return d.get_model_by_name(arguments[0])[arguments[1]]", name, what
        )

    def text(self, name):
        """Return a text as it is shown, without HTML."""
        element = "const e = document.createElement('div'); e.innerHTML = arguments[0]; return e.textContent"
        return self.browser.run(element, self.get(name, "text"))

    def column(self, plot, name):
        """Return a column of the data of a plot's first glyph."""
        return self.browser.run(
            "const p = Bokeh.documents[0].get_model_by_name(arguments[0]);"
            "return Array.from(p.renderers[0].data_source.data[arguments[1]])", plot, name,
        )  # fmt: skip

    def within(self, selector):
        return self.browser.run(INNER, selector)

    def act(self, find, does):
        """Find an element and do something to it; once more where Bokeh drew it anew, or hid it, in between."""
        self.browser.wait(lambda: does(find()) is None, passing=drawn_anew())

    def click(self, label):
        def find():
            (button,) = [button for button in self.within("button.bk-btn") if button.text == label]
            self.browser.wait(button.is_enabled)
            return button

        self.act(find, lambda button: button.click())

    def slide(self, number, keys):
        """Move a slider by its keys: the one of the gain is 0, that of the rate 1."""
        self.browser.wait(lambda: self.text("gain_text") and self.text("rate_text"))  # written after both are set
        self.act(lambda: self.within("div.noUi-handle")[number], lambda handle: handle.send_keys(keys))

    def shows(self, name, text):
        self.browser.wait(lambda: text in self.text(name))

    def clean(self):
        assert self.browser.errors() == []
        assert self.browser.requests() == []


def chip(*neurons, **constants):
    return ns.Chip([ns.recipes.softhebb(n, **constants) for n in neurons], inputs=64)


def drawn_anew():
    """Return what Selenium raises, before it does anything, for an element that is gone or not shown for now."""
    from selenium.common import exceptions

    return (
        exceptions.StaleElementReferenceException,
        exceptions.ElementNotInteractableException,
        exceptions.ElementClickInterceptedException,
    )


def keys():
    from selenium.webdriver.common.keys import Keys

    return Keys


@pytest.mark.slow
def test_a_run_is_stepped_and_let_go_on(browser, tmp_path):
    with scoped(chip(30), shape=(8, 8)) as made:
        page = Page(browser, made)
        page.shows("numbers", "is held")
        page.shows("numbers", "0 of 1,797")
        page.click("Step")
        made.samples(1)
        page.shows("numbers", "1 of 1,797")
        for _ in range(2):
            page.click("Step")
        made.samples(3)
        page.click("Go on")
        page.shows("numbers", "has ended")
        page.shows("numbers", "1,797 of 1,797")
        samples = browser.wait(lambda: page.column("speed", "samples"))
        assert samples == sorted(samples)
        assert samples[-1] == 1797
        assert all(value > 0 for value in page.column("speed", "speed"))
        assert browser.run(
            "const d = Bokeh.documents[0].get_model_by_name('fields').renderers[0].data_source.data.image[0];"
            "return d.shape"
        ) == [44, 53]  # 5 rows of 6 images of 8 x 8 pixels, with gaps
        assert len(page.within("canvas")) > 0
        browser.size(1100)
        browser.screenshot(tmp_path / "scope.png")
        page.clean()


def test_changes_are_recorded_and_make_the_same_state_again(browser):
    Keys = keys()
    with scoped(chip(30, 10)) as made:
        page = Page(browser, made)
        page.shows("changes", "None yet")
        page.browser.wait(lambda: page.get("step", "disabled") is False)
        for count in range(1, 5):
            page.click("Step")
            made.samples(count)
        page.shows("numbers", "4 of 1,797")
        page.slide(0, Keys.ARROW_LEFT * 3)
        page.shows("changes", "competition.temperature")
        page.slide(1, Keys.ARROW_RIGHT * 2)
        page.shows("changes", "rule.rate")
        assert {change["sample"] for change in made.chip.changes} == {4}
        assert {change["layer"] for change in made.chip.changes} == {0, 1}
        page.click("Step")
        made.samples(5)
        page.slide(0, Keys.ARROW_LEFT)
        wait_until(lambda: len(made.chip.changes) > 4)
        page.click("Go on")
        page.shows("numbers", "has ended")
        assert len(page.column("speed", "samples")) > 3
        assert page.get("gain", "disabled")
        page.clean()
    again, without = chip(30, 10), chip(30, 10)
    ns.run(again, ns.open_stream("digits"), edits=made.chip.changes)
    assert again.state_sha256 == made.chip.state_sha256
    assert again.changes == made.chip.changes
    without.learn(ns.open_stream("digits"))
    assert without.state_sha256 != made.chip.state_sha256


@pytest.mark.slow
def test_a_change_of_one_layer(browser):
    with scoped(chip(30, 10)) as made:
        page = Page(browser, made)
        browser.wait(lambda: page.get("layer", "visible"))
        (select,) = page.within("select")
        select.send_keys("layer 2")
        page.slide(1, keys().ARROW_RIGHT)
        page.shows("changes", "rule.rate")
        assert [change["layer"] for change in made.chip.changes] == [1]
        page.clean()


@pytest.mark.slow
def test_what_the_chip_refuses_is_told(browser):
    with scoped(chip(30)) as made:
        page = Page(browser, made)
        page.shows("numbers", "is held")
        browser.run("Bokeh.documents[0].get_model_by_name('count').value = -5")
        page.click("Step")
        page.shows("notes", "samples must be a whole number of at least 1, got -5")
        assert made.chip.samples == 0
        page.clean()


@pytest.mark.slow
def test_names_are_text_and_nothing_else(browser):
    with scoped(chip(30), name=HOSTILE) as made:
        page = Page(browser, made)
        page.shows("numbers", "is held")
        assert browser.all("h1")[0].text == HOSTILE
        assert browser.driver.title.startswith("neurosim scope")
        assert not [address for address in browser.asked() if "mathjax" in address]
        page.clean()


@pytest.mark.slow
def test_a_browser_that_leaves_changes_nothing(browser):
    made_alone = chip(30)
    made_alone.learn(ns.open_stream("digits", epochs=40))
    with scoped(chip(30), epochs=40) as made:
        page = Page(browser, made)
        page.click("Go on")
        browser.driver.get("about:blank")
        made.join()
        page = Page(browser, made)  # and one that comes late sees all of it
        page.shows("numbers", "has ended")
        assert page.column("speed", "samples")[-1] == 40 * 1797
        page.clean()
    assert made.chip.state_sha256 == made_alone.state_sha256
    assert made.chip.changes == ()


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_is_wider_than_the_window(browser, width):
    browser.size(width)
    with scoped(chip(30), held=False, shape=(8, 8)) as made:
        page = Page(browser, made)
        page.shows("numbers", "has ended")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        page.clean()


@pytest.mark.slow
def test_a_change_is_drawn_at_its_sample(browser):
    with scoped(chip(30)) as made:
        page = Page(browser, made)
        page.click("Step")
        made.samples(1)
        page.slide(1, keys().ARROW_RIGHT)
        page.shows("changes", "rule.rate")
        page.click("Go on")
        page.shows("numbers", "has ended")
        marks = "return Array.from(Bokeh.documents[0].get_model_by_name('speed').renderers[1].data_source.data.samples)"
        assert browser.wait(lambda: browser.run(marks)) == [1]
    assert np.isfinite(made.chip.layers[0].weights).all()
