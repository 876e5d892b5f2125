"""The browser of these tests sees errors and requests: a page without any is told from one that was not watched."""

import struct

import pytest

OUTSIDE = "http://example.invalid/picture.png"


@pytest.fixture
def page(tmp_path):
    def write(body):
        path = tmp_path / "page.html"
        path.write_text(f'<!doctype html><link rel="icon" href="data:,"><title>Page</title>{body}')
        return path

    return write


def test_a_clean_page_has_neither_errors_nor_requests(browser, page):
    browser.open(page("<p id=told>something<p><script>console.log('well')</script>"))
    assert browser.by("told").text == "something"
    assert browser.errors() == []
    assert browser.requests() == []
    assert len(browser.asked()) == 1  # the file


def test_an_error_is_seen_and_gone_with_the_next_page(browser, page):
    browser.open(page("<script>nothing.at.all</script>"))
    assert "nothing is not defined" in browser.errors()[0]
    browser.open(page("<p>"))
    assert browser.errors() == []


def test_a_request_beyond_this_machine_is_seen_and_fails(browser, page):
    browser.open(page(f'<img id=picture src="{OUTSIDE}">'))
    assert browser.requests() == [OUTSIDE]
    assert "ERR_NAME_NOT_RESOLVED" in browser.errors()[0]
    assert browser.run("return arguments[0].naturalWidth", browser.by("picture")) == 0


def test_a_socket_is_seen(browser, page):
    browser.open(page("<script>new WebSocket('ws://example.invalid:1/')</script>"))
    assert browser.wait(browser.requests) == ["ws://example.invalid:1/"]


def test_a_refusal_of_the_security_policy_is_an_error(browser, page):
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    browser.open(page(f'{policy}<img src="{OUTSIDE}">'))
    assert "Content Security Policy" in browser.errors()[0]


def test_screenshots_have_the_size_of_the_page(browser, page, tmp_path):
    browser.size(400, 300)
    browser.open(page("<body style='margin:0'><div style='height:1234px'>"))
    for whole, height in ((False, 300), (True, 1234)):
        content = browser.screenshot(tmp_path / "picture.png", whole=whole).read_bytes()
        assert struct.unpack(">II", content[16:24]) == (400, height)


def test_schemes_are_believed(browser, page):
    browser.open(page("<p>"))
    for name, other in (("dark", "light"), ("light", "dark")):
        browser.scheme(name)
        assert browser.run(f"return matchMedia('(prefers-color-scheme: {name})').matches")
        assert not browser.run(f"return matchMedia('(prefers-color-scheme: {other})').matches")
