"""A pull request shows what differs as it is, whatever stands in a name: read back with a real Markdown reader."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from envctl.domain.difference import GROUPS, Comparison, Difference
from envctl.emitters.difference_markdown import LONGEST, emit
from envctl.emitters.printable import printable

# What GitHub's flavour adds that could give a text another meaning: tables and links of bare addresses.
READER = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])
NASTY = (
    "a|b",
    "\\|",
    "\\",
    "`",
    "``` x",
    "<img src=x onerror=alert(1)>",
    "<!-- ",
    "</code><b>",
    "a\nb",
    "| --- |",
    "*x* _y_ ~~z~~",
    "[x](https://evil.example)",
    "https://evil.example",
    "www.evil.example",
    "@everyone #1 GH-1",
    "&lt;&#124;",
    "\u202eabc",
    " edges ",
    "- x",
    "1. x",
    "{{ secrets.X }}",
    "\x1b[2J",
    "$x$",
    ":+1:",
)
TEXTS = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=40), st.text("|\\`<>&\n*_[]() #@", max_size=12)
)
DIFFERENCES = st.builds(
    Difference,
    group=st.sampled_from(GROUPS),
    subject=TEXTS,
    before=st.none() | TEXTS,
    after=st.none() | TEXTS,
    reason=TEXTS,
    locks=st.lists(TEXTS, max_size=2).map(tuple),
)


class Page(HTMLParser):
    """The rows of a page's tables, as texts; every tag in it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.within = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") or name in ("href", "src") for name, _ in attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.within = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.within = False

    def handle_data(self, data: str) -> None:
        if self.within:
            self.rows[-1][-1] += data


def page(found: Comparison) -> Page:
    return Page(READER.render(emit(found)))


OURS = {"p", "h3", "table", "thead", "tbody", "tr", "th", "td", "code", "br", "ul", "li"}


@given(st.lists(DIFFERENCES, min_size=1, max_size=6), st.lists(TEXTS, max_size=3), TEXTS)
def test_every_row_has_five_cells_that_say_what_was_meant(
    differences: list[Difference], remarks: list[str], name: str
) -> None:
    found = Comparison(differences=tuple(differences), remarks=tuple(remarks), a=name, b=f"{name}2")
    read = page(found)
    rows = [row for row in read.rows if row[0] != "#"]
    assert read.tags <= OURS
    assert sorted(int(row[0]) for row in rows) == [*range(1, len(differences) + 1)]
    for row in rows:
        each = differences[int(row[0]) - 1]
        assert len(row) == 5
        for cell, value in ((row[2], each.before), (row[3], each.after)):
            assert cell in ("not set", "not there", "empty") or cell == printable(value or "")
        assert row[1].startswith(
            printable(each.subject).strip() if not each.subject.strip() else printable(each.subject)
        )
        assert row[4].strip() == printable(each.reason).strip()


@pytest.mark.parametrize("text", NASTY)
def test_a_hostile_name_is_only_a_name(text: str) -> None:
    each = Difference(group="packages", subject=text, before=text, after=None, reason="why")
    read = page(Comparison(differences=(each,), remarks=(text,), a=text, b=text))
    assert read.rows[1] == ["1", printable(text), printable(text), "not there", "why"]
    assert read.tags <= OURS


@given(TEXTS)
def test_nothing_is_left_that_github_would_make_a_link_or_a_mention_of(text: str) -> None:
    each = Difference(group="files", subject=text, before=text, after=text, reason=text)
    written = emit(Comparison(differences=(each,), remarks=(text,), a=text, b=text))
    body = re.sub(r"&#\d+;|</?code>|<br>", "", written)
    assert not re.search(r"www\.|https?:|@|#\d|\]\(|`|<(?!/?details|/?summary)", body)
    assert all(line.isprintable() for line in written.split("\n"))


def test_a_long_list_is_folded_and_never_longer_than_a_comment_may_be() -> None:
    many = tuple(
        Difference(
            group="packages", subject=f"zz-{n}", before="1" * 300, after="2", reason="r" * 90
        )
        for n in range(900)
    )
    text = emit(Comparison(differences=many, a="a", b="b"))
    shown = len(re.findall(r"^\| \d+ \|", text, re.MULTILINE))
    assert len(text) < LONGEST + 1000
    assert 100 < shown < 900
    assert f"{900 - shown} more are left out here" in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert "…</code>" in text


def test_nothing_differs() -> None:
    assert emit(Comparison(a="x", b="y", remarks=("one",))).endswith(
        "Nothing that envctl knows of differs.\n\n- one\n"
    )
