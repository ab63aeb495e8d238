"""uv's lines about its downloads, read and taken out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.uv.progress import CHATTER, read
from envctl.cli.progress import text
from envctl.domain.indexes.fetching import Fetch

_SAID = """\
Using Python 3.11.7 environment at: v1
Resolved 2 packages in 5ms
Downloading torch (800.5MiB)
   Building zz-made-ext @ file:///tmp/x
      Built zz-made-ext @ file:///tmp/x
 Downloaded torch
Prepared 2 packages in 20ms
Uninstalled 1 package in 1ms
Installed 2 packages in 1ms
 + torch==2.14.0
 - zz-made-old==1.0
 ~ zz-made-small==1.0
warning: `zz-made-small` is yanked
error: Failed to fetch
  Caused by: Installed nothing
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Downloading torch (800.5MiB)", Fetch(name="torch", size=839385088)),
        ("Downloading tiny (12.0B)", Fetch(name="tiny", size=12)),
        ("Downloading odd (1.2.3KiB)", None),
        ("Downloading tiny (12B)", Fetch(name="tiny", size=12)),
        ("Downloading large (1.5GiB)", Fetch(name="large", size=1610612736)),
        (" Downloaded torch", Fetch(name="torch", done=True)),
        ("Downloading cpython-3.13.1-linux (20.4MiB) (download)", None),
        ("Downloading", None),
        ("Resolved 2 packages in 5ms", None),
        ("error: Downloading torch (800.5MiB)", None),
        ("", None),
    ],
)
def test_a_line(line: str, found: Fetch | None) -> None:
    assert read(line) == found


@given(st.text())
def test_any_line(line: str) -> None:
    found = read(line)
    assert found is None or (found.name and found.name in line)


def test_chatter_is_taken_out_and_nothing_else() -> None:
    assert CHATTER.sub("", _SAID).splitlines() == [
        "warning: `zz-made-small` is yanked",
        "error: Failed to fetch",
        "  Caused by: Installed nothing",
    ]


def test_the_line_counts_what_is_known() -> None:
    fetches = (
        Fetch(name="a", size=3 << 20, done=True),
        Fetch(name="b", size=5 << 20),
        Fetch(name="c"),
    )
    assert text(fetches, 7.4) == "fetching: 1 of 3 packages, 3 of 8 MiB, 7 s (c)"
    assert text((Fetch(name="c", done=True),), 0) == "fetching: 1 of 1 package, 0 s"
