"""``[tool.uv]``, as far as a manifest can hold it."""

import tomllib

from envctl.readers.uv_settings import read_uv_settings

TEXT = """
[dependency-groups]
dev = []
docs = []
[tool.uv]
constraint-dependencies = ["numpy<3"]
override-dependencies = ["six==1"]
default-groups = "all"
exclude-newer = "2026-01-01T00:00:00Z"
package = false
[[tool.uv.index]]
name = "acme"
url = "https://bob:s3cret@acme.example/simple/"
explicit = true
[[tool.uv.index]]
name = "main"
url = "https://main.example/simple"
default = true
[[tool.uv.index]]
name = "unused"
url = "https://unused.example/simple"
explicit = true
[tool.uv.sources]
Acme_Tool = { index = "acme" }
lib = { git = "https://git.example/lib" }
torch = [{ index = "acme", marker = "sys_platform == 'linux'" }]
"""


def test_indexes_pins_constraints_and_groups_are_converted() -> None:
    found = read_uv_settings(tomllib.loads(TEXT))
    assert [(i.name, i.url, i.packages, i.default) for i in found.indexes] == [
        ("main", "https://main.example/simple", (), True),
        ("acme", "https://acme.example/simple", ("acme-tool", "torch"), False),
    ]
    assert [entry.text for entry in found.constraints] == ["numpy<3"]
    assert found.groups == ("dev", "docs")
    assert found.exclude_newer == "2026-01-01T00:00:00Z"


def test_what_is_not_honoured_is_said_with_its_key() -> None:
    found = read_uv_settings(tomllib.loads(TEXT))
    assert {note.where for note in found.notes} == {
        "tool.uv.override-dependencies",
        "tool.uv.index[0]",
        "tool.uv.index[2]",
        "tool.uv.sources.lib",
        "tool.uv.sources.torch",
    }
    assert "s3cret" not in repr(found)


def test_older_index_keys_and_a_span_of_time() -> None:
    text = (
        '[tool.uv]\nindex-url = "https://main.example/simple"\nexclude-newer = "1 week"\n'
        'extra-index-url = ["https://acme.example/simple", "./wheels"]\n'
    )
    found = read_uv_settings(tomllib.loads(text))
    assert [(i.url, i.default) for i in found.indexes] == [
        ("https://main.example/simple", True),
        ("https://acme.example/simple", False),
    ]
    assert found.exclude_newer is None
    assert [note.where for note in found.notes] == [
        "tool.uv.extra-index-url[1]",
        "tool.uv.exclude-newer",
    ]


def test_no_settings_are_none() -> None:
    found = read_uv_settings({})
    assert not found.indexes
    assert found.groups is None
