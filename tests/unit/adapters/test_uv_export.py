"""Exports that repeat each other, read once."""

import pytest
from packaging.pylock import Pylock

from envctl.adapters.uv.export import Exports
from envctl.readers.toml import read_toml

HEAD = 'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.11"\n'
LIB = """
[[packages]]
name = "lib"
version = "1.0"
{marker}index = "https://index.example/simple"
sdist = {{ url = "https://index.example/lib-1.0.tar.gz", hashes = {{ sha256 = "aa" }} }}
wheels = [
    {{ url = "https://index.example/lib-1.0-py3-none-any.whl", hashes = {{ sha256 = "bb" }} }},
    {{ url = "https://index.example/lib-1.0-py2-none-any.whl", hashes = {{ sha256 = "cc" }} }},
]
"""
TREE = """
[[packages]]
name = "tree"
vcs = { type = "git", url = "https://git.example/tree", commit-id = "abc" }
"""
WIN = "marker = \"sys_platform == 'win32'\"\n"


def test_a_block_is_what_the_whole_text_says() -> None:
    text = HEAD + LIB.format(marker="") + TREE
    exports = Exports([])
    exports.add("", text)
    assert list(exports.packages()) == list(Pylock.from_dict(read_toml(text, "x")).packages)


@pytest.mark.parametrize("text", [HEAD, HEAD + "packages = []\n"])
def test_an_export_may_be_empty(text: str) -> None:
    exports = Exports([])
    exports.add("", text)
    assert list(exports.packages()) == []


def test_roots_are_joined() -> None:
    exports = Exports([])
    exports.add("", HEAD + LIB.format(marker=WIN))
    exports.add("'dev' in dependency_groups", HEAD + TREE + LIB.format(marker=""))
    markers = {package.name: str(package.marker) for package in exports.packages()}
    assert markers == {
        "lib": 'sys_platform == "win32" or "dev" in dependency_groups',
        "tree": '"dev" in dependency_groups',
    }


def test_what_the_environments_say_is_left_out() -> None:
    exports = Exports(["sys_platform == 'win32'"])
    exports.add("", HEAD + LIB.format(marker=WIN))
    assert [package.marker for package in exports.packages()] == [None]


def test_versions_by_platform_stay_apart() -> None:
    linux = WIN.replace("win32", "linux")
    other = LIB.format(marker=linux).replace("1.0", "2.0")
    exports = Exports([])
    exports.add("", HEAD + LIB.format(marker=WIN) + other)
    found = [(str(p.version), str(p.marker)) for p in exports.packages()]
    assert found == [("1.0", 'sys_platform == "win32"'), ("2.0", 'sys_platform == "linux"')]
