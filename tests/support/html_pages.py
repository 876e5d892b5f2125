"""What is on a page: its texts as a reader sees them, its tags, and the addresses that it names."""

from html.parser import HTMLParser


class Links(HTMLParser):
    """Tags, names of attributes, and addresses of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.addresses, self.texts = set(), set(), [], []

    @classmethod
    def of(cls, page):
        links = cls()
        links.feed(page)
        return links

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.addresses += [value for name, value in attributes if name in ("href", "src", "action", "data", "srcset")]

    def handle_data(self, text):
        if self.lasttag != "style":
            self.texts.append(text)


def texts(page):
    """Return the texts of a page, a line for each element."""
    return "\n".join(Links.of(page).texts)
