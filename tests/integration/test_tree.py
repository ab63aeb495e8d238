"""`envctl tree` as a user calls it, on locks of envctl's and of others'."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.index.wheels import Wheel
from tests.integration.world import World

PLATFORMS = '["linux-x86_64", "windows-x86_64"]'


@pytest.fixture
def locked(world: World) -> World:
    """Give a lock for two platforms, whose app needs something of an extra, on one of them."""
    world.index.add(
        Wheel("zz-made-app", "1.5", requires=("zz-made-lib>=1", "zz-made-plot")),
    )
    world.edit("pyproject.toml", '["linux-x86_64"]', PLATFORMS)
    world.envctl("lock")
    return world


TREE = """\
project
└── zz-made-app 1.5 (<2)
    ├── zz-made-lib 1.1
    └── zz-made-plot 0.5
        ├── zz-made-lib 1.1
        └── zz-made-win 1.0 ; sys_platform == 'win32'

extra plot
└── zz-made-plot 0.5 (*)

group dev
└── zz-made-test 3.0
"""


def test_the_tree_is_that_of_the_lock(locked: World) -> None:
    before = locked.snapshot("pylock.toml", "pyproject.toml")
    done = locked.envctl("tree")
    assert done.stdout == TREE
    assert "(*) what follows is shown at another place" in done.stderr
    assert locked.snapshot("pylock.toml", "pyproject.toml") == before


def test_it_needs_no_index_and_no_environment(locked: World) -> None:
    locked.index.forget_requests()
    locked.envctl("tree", "--why", "zz-made-lib")
    assert locked.index.requests == []
    assert not (locked.root / ".venv").exists()


def test_parts_of_it(locked: World) -> None:
    assert locked.envctl("tree", "--only-group", "dev").stdout == TREE[TREE.index("group dev") :]
    both = locked.envctl("tree", "--only-project", "--only-extra", "Plot", "--depth", "1")
    assert (
        both.stdout == "project\n└── zz-made-app 1.5 (<2) …\n\nextra plot\n└── zz-made-plot 0.5 …\n"
    )
    assert "--depth" in both.stderr
    plot = locked.envctl("tree", "ZZ_Made.Plot").stdout
    assert plot.splitlines()[0] == "zz-made-plot 0.5"
    assert len(plot.splitlines()) == 3


def test_who_needs_it(locked: World) -> None:
    assert locked.envctl("tree", "--invert", "zz-made-win").stdout == (
        "zz-made-win 1.0\n"
        "└── zz-made-plot 0.5 ; sys_platform == 'win32'\n"
        "    ├── extra plot asks for zz-made-plot\n"
        "    └── zz-made-app 1.5\n"
        "        └── project asks for zz-made-app<2\n"
    )
    everything = locked.envctl("tree", "--invert").stdout
    assert [line.split()[0] for line in everything.splitlines() if line.startswith("zz")] == [
        "zz-made-lib",
        "zz-made-test",
        "zz-made-win",
    ]


def test_why_it_is_there(locked: World) -> None:
    assert locked.envctl("tree", "--why", "zz-made-win").stdout == (
        "zz-made-win 1.0\n"
        "├── project → zz-made-app 1.5 (<2) → zz-made-plot 0.5 → zz-made-win 1.0 ; sys_platform == 'win32'\n"
        "└── extra plot → zz-made-plot 0.5 → zz-made-win 1.0 ; sys_platform == 'win32'\n"
        "needed directly by: zz-made-plot 0.5\n"
    )
    report = locked.json("tree", "--why", "zz-made-win")["result"]
    (found,) = report["packages"]
    assert found["chains"][0] == {
        "root": "project:",
        "asked": "zz-made-app<2",
        "path": ["zz-made-app==1.5", "zz-made-plot==0.5", "zz-made-win==1.0"],
        "markers": [None, None, "sys_platform == 'win32'"],
    }
    assert found["needed_by"] == ["zz-made-plot==0.5"]


def test_json_has_nodes_and_edges(locked: World) -> None:
    report = locked.json("tree")
    assert (report["command"], report["ok"]) == ("tree", True)
    result: dict[str, Any] = report["result"]
    assert result["tops"] == ["project:", "extra:plot", "group:dev"]
    nodes = {node["id"]: node for node in result["nodes"]}
    assert nodes["zz-made-win==1.0"]["roots"] == ["extra:plot", "project:"]
    assert nodes["group:dev"] == {
        "id": "group:dev",
        "kind": "group",
        "name": "dev",
        "version": None,
        "marker": None,
        "roots": [],
        "gpu": False,
        "edges_known": True,
    }
    ends = {(edge["source"], edge["target"]) for edge in result["edges"]}
    assert ("zz-made-app==1.5", "zz-made-plot==0.5") in ends
    assert len(ends) == 7


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("zz-made-lab",), "no package `zz-made-lab`", "did you mean `zz-made-lib`?"),
        (("--why", "numpy"), "no package `numpy`", "see `envctl tree`"),
        (("--only-group", "deb"), "no dependency group `deb`", "did you mean `dev`?"),
        (("--only-extra", "plotting"), "no extra `plotting`", "did you mean `plot`?"),
        (("--format", "dot", "--output", "../x.dot"), "only inside the project", "stdout"),
    ],
)
def test_what_is_not_there(locked: World, arguments: tuple[str, ...], said: str, hint: str) -> None:
    done = locked.envctl("tree", *arguments, code=2)
    assert said in done.stderr
    assert hint in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--why", "zz-made-lib", "--invert"),
        ("--why", "zz-made-lib", "zz-made-app"),
        ("zz-made-lib", "--only-project"),
        ("--json", "--format", "dot"),
        ("--depth", "-1"),
        ("--format", "png"),
    ],
)
def test_options_that_exclude_each_other(locked: World, arguments: tuple[str, ...]) -> None:
    assert locked.envctl("tree", *arguments, code=2).stderr.startswith("error: ")


def test_without_a_lock(world: World) -> None:
    done = world.envctl("tree", code=3)
    assert "there is no pylock.toml" in done.stderr
    assert "envctl lock" in done.stderr


def test_the_lock_of_a_profile(locked: World) -> None:
    whole = locked.envctl("tree").stdout
    locked.edit(
        "pyproject.toml",
        "[tool.envctl.env]",
        '[tool.envctl.profiles.b]\ndependencies = ["zz-made-win"]\n'
        "[tool.envctl.profiles.a]\n[tool.envctl.env]",
    )
    locked.envctl("lock")
    assert "zz-made-win" in locked.envctl("tree", "--profile", "b").stdout
    assert locked.envctl("tree", "--profile", "a").stdout == whole
    assert locked.envctl("tree", env={"ENVCTL_PROFILE": "a"}).stdout == whole
    done = locked.envctl("tree", code=2)
    assert "which profile? There are b, a" in done.stderr
    (locked.root / "pylock.a.toml").unlink()
    assert "there is no pylock.a.toml" in locked.envctl("tree", "--profile", "a", code=3).stderr


def test_a_lock_without_edges_says_so(locked: World) -> None:
    """What `uv export` and `pip lock` write: packages, and not a word on who needs which."""
    text = locked.read("pylock.toml")
    text = text[: text.index("[tool.envctl]")].replace('"envctl"', '"another-tool"')
    locked.write("pylock.toml", text)
    done = locked.envctl("tree")
    assert done.stdout == (
        "project\n└── zz-made-app 1.5 (<2)\n\n"
        "extra plot\n└── zz-made-plot 0.5\n\n"
        "group dev\n└── zz-made-test 3.0\n\n"
        "others\n├── zz-made-lib 1.1\n└── zz-made-win 1.0\n"
    )
    assert "does not say which package needs which (`another-tool` wrote it)" in done.stderr
    assert "another-tool" in locked.json("tree")["result"]["notes"][0]
    (locked.root / "pyproject.toml").unlink()
    locked.write("requirements.txt", "")
    assert locked.envctl("tree").stdout.splitlines()[0] == "others"


def test_a_lock_of_nothing(world: World) -> None:
    world.write("pyproject.toml", '[project]\nname = "demo"\nversion = "0"\n')
    world.envctl("lock")
    assert world.envctl("tree").stdout == ""
    assert "pylock.toml holds no packages" in world.envctl("tree").stderr
    for form in ("mermaid", "dot"):
        assert world.envctl("tree", "--format", form).stdout


def on_a_terminal(world: World, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Return what `envctl tree` writes to a terminal."""
    ours, theirs = pty.openpty()
    command = ["tree", *arguments]
    script = f"import sys, os; os.dup2({theirs}, 1); sys.argv[1:] = {command!r}; "
    script += "from envctl.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=world.root,
        env={**os.environ, **world.environ, **(env or {})},
        pass_fds=[theirs],
        capture_output=True,
        check=False,
    )
    os.close(theirs)
    assert done.returncode == 0, done.stderr.decode()
    written = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(65536):
                written += part
        except OSError:  # Linux's way to say that nobody writes any more
            pass
    return written.decode().replace("\r\n", "\n")


def test_colours_are_for_terminals_and_for_who_wants_them(locked: World) -> None:
    coloured = on_a_terminal(locked)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == TREE
    assert on_a_terminal(locked, env={"NO_COLOR": "1"}) == TREE


def test_diagrams_go_to_stdout_or_into_a_file(locked: World) -> None:
    shown = locked.envctl("tree", "--format", "mermaid").stdout
    assert shown.splitlines()[1] == "flowchart LR"
    (locked.root / "docs").mkdir()
    done = locked.envctl("tree", "--format", "mermaid", "-o", "tree.mmd", cwd=locked.root / "docs")
    assert "wrote docs/tree.mmd" in done.stderr
    assert done.stdout == ""
    assert locked.read("docs/tree.mmd") == shown
    again = locked.envctl("tree", "--format", "mermaid", "--output", "docs/tree.mmd")
    assert "docs/tree.mmd is up to date" in again.stderr
    assert locked.envctl("tree", "--output", "tree.txt").stdout == ""
    assert locked.read("tree.txt") == TREE


def test_an_svg_is_drawn_by_graphviz(locked: World) -> None:
    if shutil.which("dot") is None:
        pytest.skip("no Graphviz on this machine (apt-get install graphviz)")
    locked.envctl("tree", "--format", "svg", "--output", "graph.svg")
    drawn = ET.fromstring(locked.read("graph.svg"))
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    words = "".join("".join(drawn.itertext()).split())
    for name in ("zz-made-app1.5", "zz-made-win1.0", "groupdev", "project"):
        assert name in words
    why = locked.envctl("tree", "--why", "zz-made-win", "--format", "svg").stdout
    words = "".join(ET.fromstring(why).itertext())
    assert "zz-made-win" in words
    assert "zz-made-test" not in words


def test_without_graphviz_it_says_what_to_install(locked: World, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    bare = {"PATH": str(empty)}
    done = locked.envctl("tree", "--format", "svg", "--output", "graph.svg", code=4, env=bare)
    assert "`dot` was not found" in done.stderr
    assert "apt-get install graphviz" in done.stderr
    assert "brew install graphviz" in done.stderr
    assert "--format mermaid" in done.stderr
    assert not (locked.root / "graph.svg").exists()
    locked.envctl("tree", "--format", "dot", env=bare)


@pytest.mark.parametrize("script", ["exit 3", "echo nothing of the kind"])
def test_a_graphviz_that_fails_is_said(locked: World, tmp_path: Path, script: str) -> None:
    broken = tmp_path / "bin" / "dot"
    broken.parent.mkdir()
    broken.write_text(f"#!/bin/sh\necho out of ink >&2\n{script}\n")
    broken.chmod(0o755)
    path = {"PATH": f"{broken.parent}:{os.environ['PATH']}"}
    done = locked.envctl("--verbose", "tree", "--format", "svg", code=4, env=path)
    assert "`dot` failed" in done.stderr
    assert "out of ink" in done.stderr
    assert done.stdout == ""


def test_names_made_to_break_out_stay_where_they_are(locked: World) -> None:
    """A lock is a file like any other: somebody may have written into it."""
    text = locked.read("pylock.toml")
    evil = 'group \\"]; end\\u001b[31m --> <script>: zz-made-lib'
    locked.write("pylock.toml", text.replace('"group dev",', f'"group dev",\n    "{evil}",'))
    shown = locked.envctl("tree").stdout
    assert 'group "]; end\\x1b[31m --> <script>' in shown.splitlines()
    assert "\x1b" not in locked.envctl("tree", "--format", "mermaid").stdout
    assert json.loads(locked.envctl("tree", "--json").stdout)["ok"] is True
    if shutil.which("dot") is not None:
        drawn = ET.fromstring(locked.envctl("tree", "--format", "svg").stdout)
        assert not [each for each in drawn.iter() if each.tag.endswith("script")]


STALE = "the lock does not answer pyproject.toml any more: run `envctl lock`"


def test_a_stale_lock_is_said(locked: World) -> None:
    calls: tuple[tuple[str, ...], ...] = ((), ("zz-made-lib",), ("--why", "zz-made-lib"))
    for words in calls:
        assert STALE not in locked.envctl("tree", *words).stderr
    shown = locked.envctl("tree").stdout
    locked.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app<1.4"')
    for words in calls:
        assert f"note: {STALE}\n" in locked.envctl("tree", *words).stderr
        assert STALE in locked.json("tree", *words)["result"]["notes"]
    assert locked.envctl("tree").stdout == shown


def test_a_lock_for_some_groups_is_not_stale_for_that(locked: World) -> None:
    locked.envctl("lock", "--no-default-groups")
    assert STALE not in locked.envctl("tree").stderr


def test_a_stale_lock_lacks_what_the_manifest_asks_for(locked: World) -> None:
    locked.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app<2", "ZZ_made.new>=1"')
    for words in (("--why", "zz-made-new"), ("zz_made.NEW",)):
        done = locked.envctl("tree", *words, code=2)
        assert "the lock has no package `" in done.stderr
        assert "pyproject.toml asks for it: the lock is stale, run `envctl lock`" in done.stderr
    done = locked.envctl("tree", "--why", "zz-made-ap", code=2)
    assert "did you mean `zz-made-app`?" in done.stderr
    assert "stale" not in done.stderr
