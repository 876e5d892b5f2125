"""A real browser for the pages that neurosim makes: Debian's Chromium by Selenium, with no way out of this machine.

Tests take the fixture `browser` (tests/conftest.py): one browser a process of tests. `browser.open(path or address)`
loads a page in an empty state; after it `browser.errors()` and `browser.requests()` tell what went wrong on the page
and which addresses beyond this machine it asked for. Both should be empty.
"""

import base64
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--force-color-profile=srgb", "--force-device-scale-factor=1", "--hide-scrollbars",
    "--lang=en-US",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
LOGS = {"browser": "ALL", "performance": "ALL"}
OWN_SCHEMES = {"file", "data", "blob", "about", "chrome"}  # of addresses that never leave the browser
COLOURS = 32  # of a small picture
SECONDS = 60  # that a page may take to load, and `wait` waits at most: a busy machine is slow


def missing():
    """Return why there is no browser for tests, in words; empty if there is one."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "no browser: Selenium is not installed (pip install '.[test]')"
    if not any(map(shutil.which, NAMES)) or not shutil.which("chromedriver"):
        return "no browser: chromium and chromedriver are not installed (apt-get install chromium chromium-driver)"
    return ""


def _within(address):
    """Whether an address is of this machine."""
    return address.scheme in OWN_SCHEMES or address.hostname == "127.0.0.1"


class Browser:
    """Selenium's driver as `driver`, and what tests of pages ask of it.

    `by(id)` finds an element, `run(script, *arguments)` runs JavaScript and returns its value, and `wait(condition)`
    waits for a condition without arguments to become true and returns its value.
    """

    def __init__(self, driver):
        self.driver = driver
        self._console, self._asked = [], []

    def open(self, page):
        """Load a file by its path, or an address, with empty logs; return self."""
        self.driver.get("about:blank")  # so that the page before, and what it still logs, is gone
        self._collect()
        self._console, self._asked = [], []
        self.driver.get(page.resolve().as_uri() if isinstance(page, Path) else page)
        return self

    def _collect(self):
        self._console += self.driver.get_log("browser")
        for line in self.driver.get_log("performance"):
            message = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._asked.append(message["params"]["request"]["url"])
            if message["method"] == "Network.webSocketCreated":
                self._asked.append(message["params"]["url"])

    def errors(self):
        """Return what the console says since `open`: errors and warnings, those of the security policy among them."""
        self._collect()
        return [line["message"] for line in self._console if line["level"] in ("SEVERE", "WARNING")]

    def asked(self):
        """Return every address that was asked for since `open`."""
        self._collect()
        return list(self._asked)

    def requests(self):
        """Return the addresses beyond this machine that were asked for since `open`."""
        return [address for address in self.asked() if not _within(urlsplit(address))]

    def screenshot(self, path, whole=True):
        """Write a PNG of the window, or of the whole page at the window's width; return the path."""
        self.run("document.activeElement?.blur()")  # a cursor that blinks is another picture each time
        if not whole:
            assert self.driver.save_screenshot(str(path))
            return path
        options = {"format": "png", "captureBeyondViewport": True}
        content = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
        Path(path).write_bytes(base64.b64decode(content))
        return path

    def picture(self, name, folder, whole=True, colours=COLOURS, method="FASTOCTREE"):
        """Write the page, or the window, as a small PNG of few colours; into docs with NEUROSIM_SCREENSHOTS=docs.

        `method` chooses the colours: FASTOCTREE keeps small spots of colour, MEDIANCUT keeps pale shades.
        """
        from PIL import Image

        path = Path(os.environ.get("NEUROSIM_SCREENSHOTS") or folder) / f"{name}.png"
        with Image.open(self.screenshot(path, whole)) as shown:
            few = shown.convert("RGB").quantize(colours, Image.Quantize[method], dither=Image.Dither.NONE)
        few.save(path, optimize=True)
        return path

    def size(self, width, height=900):
        """Give the page this many pixels, also below the least width of a window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name):
        """Have the page believe that its reader wants `light` or `dark`."""
        features = {"features": [{"name": "prefers-color-scheme", "value": name}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)

    def by(self, name):
        """Return the element with an id."""
        return self.driver.find_element("id", name)

    def all(self, selector):
        """Return the elements of a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def run(self, script, *arguments):
        """Run JavaScript; return its value."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, seconds=SECONDS, passing=()):
        """Wait until a function without arguments returns something true, and raises none of `passing`; return that."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds, 0.05, passing or None).until(lambda _: condition())


@contextmanager
def started(folder):
    """Start a browser that keeps its data in a folder; skip the test where there is none."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, NAMES)))
    for flag in (*FLAGS, f"--user-data-dir={folder}", "--window-size=1000,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", LOGS)
    # its own home: what Chromium writes beside the profile (caches, dconf) stays there, too
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    service = Service(shutil.which("chromedriver"), env=environment)
    driver = webdriver.Chrome(options, service)
    try:
        driver.set_page_load_timeout(SECONDS)
        yield Browser(driver)
    finally:
        driver.quit()
