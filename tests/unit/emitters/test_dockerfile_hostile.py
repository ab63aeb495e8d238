"""Hostile text in every place of a manifest, judged by two parsers that are not ours and not the emitter's.

Whatever stands in a manifest: it is refused with its key, or the file has the very instructions that harmless text
gives, each RUN the same word for word, and the text is in the one value that it was meant for.
"""

import io
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import tomli_w
from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envctl.domain import blocks
from envctl.domain.image.variables import bake
from envctl.emitters import dockerfile, dockerignore, image_contract
from envctl.errors import EnvctlError
from tests import image_projects as projects
from tests.unit.emitters import dockerfile_reader as reader

Table = dict[str, Any]
FILES = {"contract.json": "{}\n", "uv.txt": "uv\n"}
ATTACKS = (
    "\nRUN touch /owned\n",
    "\r\nUSER root\r\n",
    "\\\nRUN id\n",
    " \\",
    "\\",
    '"',
    '" && id && "',
    "'",
    "`id`",
    "$(id)",
    "$HOME",
    "${PATH:-x}",
    "\n# syntax=evil\n",
    "\n# escape=`\n",
    "#",
    "# comment",
    "<<EOF",
    "\nCOPY <<EOF /x\nowned\nEOF\n",
    "FROM scratch",
    "\nFROM evil AS final\n",
    "; id",
    "| id",
    "&& id",
    "--mount=type=secret,id=x",
    "--chown=0:0",
    "*",
    "../..",
    "/etc/passwd",
    "]",
    '", "sh", "-c", "id',
    "\u2028",
    "\u0085",
    "\x0b\x0c",
    "\x00",
    "\x1b[31m",
    "%s{0}{x}",
    "\n" + blocks.END + "\n",
    "\n" + blocks.BEGIN + "\n",
    "\f",
    "é ü 漢",
    "a=b",
    "-",
    "",
)
_HOSTILE = st.one_of(
    st.sampled_from(ATTACKS),
    st.lists(st.sampled_from(ATTACKS), min_size=2, max_size=3).map("x".join),
    st.text(max_size=20),
)


def _image(table: Table) -> Table:
    found: Table = table["tool"]["envctl"].setdefault("image", {})
    return found


def _name(table: Table, text: str) -> None:
    table["project"]["name"] = text


def _value(table: Table, text: str) -> None:
    table["tool"]["envctl"]["env"] = {"PYTHONHASHSEED": text}


def _variable(table: Table, text: str) -> None:
    table["tool"]["envctl"]["env"] = {text: "1"}


def _index(table: Table, text: str) -> None:
    table["tool"]["envctl"]["index"] = [{"name": "x", "url": f"https://index.example/{text}"}]


def _key(key: str, *, listed: bool = False) -> Callable[[Table, str], None]:
    def put(table: Table, text: str) -> None:
        _image(table)[key] = ["python", text] if listed else text

    return put


PLACES: Mapping[str, Callable[[Table, str], None]] = {
    "name": _name,
    "value": _value,
    "variable": _variable,
    "index": _index,
    **{key: _key(key, listed=True) for key in ("command", "healthcheck", "source")},
    **{key: _key(key, listed=True) for key in ("system-packages", "build-packages")},
    **{key: _key(key) for key in ("base", "registry", "builder", "stop-signal", "for", "build")},
    **{key: _key(key) for key in ("project", "groups")},
}
# Where text is free: there nothing but a line end may be refused.
FREE: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "value": ("ENV", lambda rest: reader.pairs(rest)["PYTHONHASHSEED"]),
    "command": ("CMD", lambda rest: reader.words(rest)[1]),
    "healthcheck": ("HEALTHCHECK", lambda rest: reader.words(rest[rest.index("[") :])[1]),
}


def _table(place: str, text: str) -> Table:
    found = tomllib.loads(projects.CPU)
    if place in ("healthcheck", "stop-signal"):
        _image(found)["ports"] = [8080]
    PLACES[place](found, text)
    return found


def _emitted(table: Table) -> str:
    made = projects.image(tomli_w.dumps(table), *projects.CPU_PACKAGES)
    dockerignore.emit(made)
    json.loads(image_contract.emit(made))
    return blocks.text(dockerfile.emit(made, FILES))


def _taken(table: Table) -> str | None:
    """Return the file, ``None`` where the manifest is refused."""
    try:
        return _emitted(table)
    except EnvctlError:
        return None


def _parsed(text: str) -> list[tuple[str, str]]:
    """Return a third party's reading of a Dockerfile; comments are its instructions too."""
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()), env_replace=False)
    return [
        (each["instruction"], each["value"])
        for each in parser.structure
        if each["instruction"] != "COMMENT"
    ]


def _runs(found: list[tuple[str, str]]) -> Iterator[str]:
    return (rest for kind, rest in found if kind in ("RUN", "COPY", "ADD", "USER", "ENTRYPOINT"))


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=40, deadline=None)
@example(text="SECRET")
@example(text="NCCL_SOCKET_IFNAME")
@given(text=_HOSTILE)
def test_no_text_adds_or_changes_an_instruction(place: str, text: str) -> None:
    written = _taken(_table(place, text))
    if written is None:
        assert place not in FREE or set(text) & set("\n\r\0")
        return
    harmless = _table(place, _harmless(place))
    if place == "variable" and not bake({text: "1"}, "docker").env:
        del harmless["tool"]["envctl"][
            "env"
        ]  # a secret, or one machine's: the image has no such line
    plain = _emitted(harmless)
    found, expected = _parsed(written), _parsed(plain)
    assert [kind for kind, _ in found] == [kind for kind, _ in expected]
    assert [kind for kind, _ in reader.instructions(written)] == [
        kind for kind, _ in reader.instructions(plain)
    ]
    changed = {a for a, b in zip(_runs(found), _runs(expected), strict=True) if a != b}
    if place not in ("source", "system-packages", "build-packages"):
        assert changed == set()
    if place in FREE:
        kind, value = FREE[place]
        ours = [rest for each, rest in reader.instructions(written) if each == kind]
        assert text in [value(rest) for rest in ours if "PYTHONHASHSEED" in rest or kind != "ENV"]
    block = blocks.find(f"# mine\n{written}RUN true\n", "Dockerfile")
    assert block is not None
    assert (block.before, block.after, block.edited) == ("# mine\n", "RUN true\n", False)


def _harmless(place: str) -> str:
    return {
        "variable": "PLAIN",
        "base": "docker.io/library/python:3.11-slim-bookworm",
        "registry": "registry.example",
        "builder": "docker.io/library/python:3.11-bookworm",
        "stop-signal": "SIGINT",
        "for": "docker",
        "build": "buildkit",
        "project": "source",
        "system-packages": "libgl1",
        "build-packages": "gcc",
        "source": "vision",
    }.get(place, "plain")


@pytest.mark.parametrize("place", PLACES)
def test_harmless_text_is_taken(place: str) -> None:
    """Otherwise the test above could pass by refusing everything."""
    table = _table(place, _harmless(place))
    if place in ("system-packages", "build-packages", "groups"):
        _image(table)[place] = [] if place == "groups" else [_harmless(place)]
    assert "FROM base AS final" in _emitted(table)


@pytest.mark.parametrize("name", ["libc6-", "../x.deb", "/tmp/x.deb", "a*", "-y", "x;id", "x\nid"])
def test_what_apt_would_take_for_more_than_a_name_is_refused(name: str) -> None:
    """`libc6-` removes a package, a path installs a file."""
    table = tomllib.loads(projects.CPU)
    _image(table)["system-packages"] = [name]
    with pytest.raises(EnvctlError) as caught:
        _emitted(table)
    assert caught.value.where == "tool.envctl.image.system-packages[0]"
