import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.errors import IndexFailure
from envctl.readers.index_page import HTML, JSON, IndexFile, read_index_page

URL = "https://index.example/simple/demo/"
SHA = "ab" * 32
WHEEL = "demo-1.0-py3-none-any.whl"


def html(body: str) -> tuple[IndexFile, ...]:
    return read_index_page(body, url=URL, media="text/html")


def page(*files: object, **more: object) -> tuple[IndexFile, ...]:
    text = json.dumps({"meta": {"api-version": "1.1"}, "name": "demo", "files": files, **more})
    return read_index_page(text, url=URL, media=JSON)


def entry(**more: object) -> dict[str, object]:
    return {"filename": WHEEL, "url": f"https://files.example/{WHEEL}", "hashes": {}} | more


def test_html_tells_address_hash_python_and_yanking() -> None:
    (file,) = html(
        f'<!doctype html><a href="../../files/{WHEEL}#sha256={SHA.upper()}" '
        'data-requires-python="&gt;=3.9" data-yanked="broken">any text</a>'
    )
    assert file == IndexFile(
        name=WHEEL,
        url=f"https://index.example/files/{WHEEL}",
        hashes={"sha256": SHA},
        requires_python=">=3.9",
        yanked=True,
    )


def test_json_tells_size_and_upload_time_as_well() -> None:
    (file,) = page(
        entry(
            hashes={"sha256": SHA, "md5": "0" * 32},
            size=7,
            yanked=False,
            **{"upload-time": "2026-11-01T10:00:00.5Z", "requires-python": ">=3.9"},
        )
    )
    assert (file.size, file.yanked, file.requires_python) == (7, False, ">=3.9")
    assert file.upload_time == datetime(2026, 11, 1, 10, 0, 0, 500_000, tzinfo=UTC)
    assert file.hashes == {"sha256": SHA}


def test_the_address_of_a_page_is_what_links_are_relative_to() -> None:
    moved = f'<base href="https://cdn.example/a/"><a href="{WHEEL}">x</a>'
    assert html(moved)[0].url == f"https://cdn.example/a/{WHEEL}"
    assert html(f'<a href="{WHEEL}">x</a>')[0].url == f"{URL}{WHEEL}"


def test_a_plus_in_a_name_is_a_local_version() -> None:
    (file,) = html('<a href="demo-1.0%2Bcpu-py3-none-any.whl">x</a>')
    assert file.name == "demo-1.0+cpu-py3-none-any.whl"
    assert file.url.endswith("/demo-1.0%2Bcpu-py3-none-any.whl")


def test_no_login_is_taken_from_a_page() -> None:
    assert html(f'<a href="https://me:secret@x.example/{WHEEL}">x</a>')[0].url == (
        f"https://x.example/{WHEEL}"
    )


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        f"file:///etc/{WHEEL}",
        "../other/",
        "demo-1.0.exe",
        "demo-1.0-py3-none-any%2F..%2Fx.whl",
        "demo%0A-1.0-py3-none-any.whl",
    ],
)
def test_what_is_no_file_is_left_out(link: str) -> None:
    assert html(f'<a href="{link}">x</a><a href="{WHEEL}">y</a>') == html(
        f'<a href="{WHEEL}">y</a>'
    )


def test_a_hash_that_is_none_counts_as_missing() -> None:
    assert html(f'<a href="{WHEEL}#sha256=xyz">x</a>')[0].hashes == {}
    assert html(f'<a href="{WHEEL}#md5={"0" * 32}">x</a>')[0].hashes == {}
    assert page(entry(hashes={"sha256": 3}))[0].hashes == {}


@pytest.mark.parametrize("size", [-1, True, "7", 1.5, None, 1 << 64])
def test_a_size_that_is_none_counts_as_missing(size: object) -> None:
    assert page(entry(size=size))[0].size is None


@pytest.mark.parametrize("time", ["soon", 3, None, "0001-01-01T00:00:00+14:00"])
def test_an_upload_time_that_is_none_counts_as_missing(time: object) -> None:
    assert page(entry(**{"upload-time": time}))[0].upload_time is None


def test_a_project_without_files_is_an_empty_page() -> None:
    assert html("<!doctype html><title>Links for demo</title>") == ()
    assert page() == ()


@pytest.mark.parametrize(
    "text",
    [
        "<form action=/login><input type=password></form>",
        "<html><script src=/app.js></script>Please enable JavaScript</html>",
        '<p>Sign in</p><a href="/forgot">Forgot?</a><FORM>',
    ],
)
def test_a_login_page_is_named_as_such(text: str) -> None:
    with pytest.raises(IndexFailure, match="most likely a login") as caught:
        html(text)
    assert caught.value.where == URL
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "media", "reason"),
    [
        (f'<a href="{WHEEL}">x</a><a href="demo-2', "text/html", "cut off"),
        ("<![weird]>", "text/html", "cannot be read|cut off"),
        ('{"files": [', JSON, "cannot be read"),
        ("[" * 100_000, JSON, "cannot be read"),
        ("[]", JSON, "no list of files"),
        ('{"files": 3}', JSON, "no list of files"),
        ('{"files": [3]}', JSON, r"files\[0\]: expected an object"),
        ('{"files": [{"filename": "x"}]}', JSON, r"files\[0\].url"),
        ('{"meta": {"api-version": "2.0"}, "files": []}', JSON, "version 2.0"),
        ('<meta name="pypi:repository-version" content="9.1">', HTML, "version 9.1"),
        ("hello", "text/plain", "served as `text/plain`"),
        ("hello", "", "served as `nothing`"),
        (f'<a href="//[{WHEEL}">x</a>', "text/html", "cannot be read"),
    ],
)
def test_a_broken_page_is_refused(text: str, media: str, reason: str) -> None:
    with pytest.raises(IndexFailure, match=reason):
        read_index_page(text, url=URL, media=media)


_MARKUP = (
    """<a href= |"|'|>|</a>|<!--|-->|<![|<!|&#|&#x110000;|<base |href=//[|#sha256=|<script>
|<meta name='pypi:repository-version' content=|data-yanked|://|@|%|\0| |"""
    + WHEEL
)
_FRAGMENTS = st.sampled_from([*_MARKUP.split("|"), "\ud800"])
_HOSTILE_HTML = st.lists(_FRAGMENTS | st.text(max_size=5), max_size=30).map("".join)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        key: _VALUES | st.sampled_from([WHEEL, f"https://x.example/{WHEEL}", "//[", "2026-01-01"])
        for key in ("filename", "url", "hashes", "size", "upload-time", "requires-python", "yanked")
    },
)
_HOSTILE_JSON = st.one_of(
    st.text(),
    _VALUES.map(json.dumps),
    st.lists(_ENTRIES | _VALUES, max_size=3).map(lambda files: json.dumps({"files": files})),
)


@given(text=_HOSTILE_HTML)
def test_hostile_html_raises_nothing_else(text: str) -> None:
    _only_index_failure(text, "text/html")


@given(text=_HOSTILE_JSON)
def test_hostile_json_raises_nothing_else(text: str) -> None:
    _only_index_failure(text, JSON)


def _only_index_failure(text: str, media: str) -> None:
    try:
        files = read_index_page(text, url=URL, media=media)
    except IndexFailure:
        return
    for file in files:
        assert "/" not in file.name
        assert file.url.isascii()
        assert file.url.startswith(("http://", "https://"))
        assert "\n" not in file.url
