"""The skeleton of a page: its policy holds even where a text was not escaped."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from html_pages import Links
from thinned import few_of

from neurosim.views.page import Fact, Section, beside, bullets, code, page, paragraph, subtitle

SCRIPT = "<script>document.title = 'run'</script>"


@pytest.fixture
def server():
    """A server on this machine that notes what it is asked for, in `asked`."""

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Noting) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("body", few_of([
    SCRIPT, '<img src="data:," onerror="document.title = \'run\'">', '<img src="{server}/a.png">',
    '<link rel="stylesheet" href="{server}/a.css">', '<style>body {{ background: url({server}/b.png) }}</style>',
    '<iframe src="{server}/a.html"></iframe>',
]))  # fmt: skip
def test_the_policy_runs_nothing_and_fetches_nothing(tmp_path, browser, server, body):
    body = body.format(server=f"http://127.0.0.1:{server.server_port}")
    (tmp_path / "a.html").write_text(page("title", "about", [], [Section("one", "One", body)]))
    browser.open(tmp_path / "a.html")
    assert browser.wait(browser.errors)
    assert all("Content Security Policy" in error for error in browser.errors())
    assert browser.driver.title == "title"
    assert server.asked == []


def test_every_text_is_escaped():
    body = beside(paragraph(SCRIPT, SCRIPT), subtitle(SCRIPT) + bullets([SCRIPT]) + code(SCRIPT))
    shown = page(SCRIPT, SCRIPT, [Fact(SCRIPT, SCRIPT, SCRIPT)], [Section(SCRIPT, SCRIPT, body)])
    links = Links.of(shown)
    assert "script" not in links.tags
    # the title twice, the sentence below, three of the fact, the link, the heading, and four of the body
    assert links.texts.count(SCRIPT) == 12
