"""Edits of a user's TOML: whatever was there is still there, byte for byte and in its order."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.adapters.toml.edit import extend_manifest, with_entries
from envctl.domain.imported import Additions, Entry, FoundIndex, Section
from envctl.errors import ManifestError

SETTINGS = (("python", "3.11"), ("platforms", ("linux-x86_64",)))
ADDITIONS = Additions(
    project=(("name", "demo"), ("version", "0.1.0")),
    dependencies=(Entry(text="numpy", above=("why",), comment="fast"),),
    settings=SETTINGS,
    constraints=(Entry(text="numpy<3"),),
    indexes=(FoundIndex(url="https://index.example/simple", name="main", packages=("acme-*",)),),
)


def is_kept(old: str, new: str) -> bool:
    """Whether the old lines are all among the new ones, in their order."""
    rest = iter(new.splitlines())
    return all(line in rest for line in old.splitlines())


def test_a_new_manifest() -> None:
    text = extend_manifest(
        "", Additions(header=("Hello.",), project=(("name", "demo"), ("version", "0.1.0")))
    )
    assert text == ('# Hello.\n\n[project]\nname = "demo"\nversion = "0.1.0"\ndependencies = []\n')


def test_dependencies_keep_comments_and_blank_lines() -> None:
    entries = (
        Entry(text="six", above=("top", "", "web"), comment="b"),
        Entry(text='a; python_version < "3.9"', above=("",)),
        Entry(above=("end",)),
    )
    text = extend_manifest("", Additions(project=(("name", "x"),), dependencies=entries))
    assert text.endswith(
        "dependencies = [\n    # top\n\n    # web\n"
        '    "six", # b\n\n'
        "    'a; python_version < \"3.9\"',\n    # end\n]\n"
    )


FULL = """\
# head
[project]
name = "x"   # inline

# optional things
[project.optional-dependencies]
a = ['b']

# about envctl
[tool.envctl]
resolver = "uv"

# about its variables
[tool.envctl.env]
A = "b"

# last
[tool.other]
x = 1
# end"""


def test_keys_go_behind_keys_not_behind_the_next_heading() -> None:
    new = extend_manifest(FULL, ADDITIONS)
    assert is_kept(FULL, new)
    assert (
        'name = "x"   # inline\ndependencies = [\n    # why\n    "numpy", # fast\n]\n\n# opt' in new
    )
    assert 'resolver = "uv"\npython = "3.11"\nplatforms = ["linux-x86_64"]\n' in new
    assert "]\n\n# about its variables\n[tool.envctl.env]\n" in new
    assert new.endswith(
        '# end\n\n[[tool.envctl.index]]\nname = "main"\n'
        'url = "https://index.example/simple"\npackages = ["acme-*"]\n'
    )


def test_windows_line_ends_stay() -> None:
    old = FULL.replace("\n", "\r\n")
    new = extend_manifest(old, ADDITIONS)
    assert "\n" not in new.replace("\r\n", "")
    assert new.replace("\r\n", "\n") == extend_manifest(FULL, ADDITIONS)


@pytest.mark.parametrize(
    "old",
    [
        '[project]\nname = "x"',
        '[project]\nname = "x"\n  # no newline at the end',
        'project.name = "x"\n[tool.ruff]\n',
        'project = { name = "x" }\n',
        '[project]\nurls.home = "x"\nname = "x"\ndependencies = [ # none yet\n]\n',
        '[project]\nname = "x"\n[tool.envctl]\n# c\n[project.urls]\na = "b"\n[tool.q]\n',
        '[tool.envctl.env]\nA = "b"\n',
        "[tool.envctl] # here",
        '[tool]\nenvctl = { resolver = "uv" }\n',
        "[dependency-groups]\ndev = []\n",
        '[tool]\nenvctl.a = "b"\n',
        "[tool.envctl.env]\nk = 1\n[[tool.x]]\nk = 1\n[tool.envctl.image]\nk = 1",
        'a = """\n[project]\n"""\nb = [\n[1],\n]\n[project]\nname = "x"\n',
    ],
)
def test_every_way_to_write_a_table(old: str) -> None:
    new = extend_manifest(old, ADDITIONS)
    data = tomllib.loads(new)
    assert data["project"]["dependencies"] == ["numpy"]
    own = data["tool"]["envctl"]
    assert own["python"] == "3.11"
    assert own["index"] == [
        {"name": "main", "url": "https://index.example/simple", "packages": ["acme-*"]}
    ]
    again = Additions(
        project=(("name", "demo"), ("version", "0.1.0")),
        settings=SETTINGS,
        indexes=ADDITIONS.indexes,
    )
    assert extend_manifest(new, again) == new


def test_a_table_without_a_place_is_refused_not_lost() -> None:
    with pytest.raises(ManifestError, match="leaves no place"):
        extend_manifest("tool = { ruff = { x = 1 } }\n", ADDITIONS)


def test_values_cannot_break_out() -> None:
    evil = 'x"\n[tool.evil]\na = "\\'
    additions = Additions(
        project=(("name", evil), ("version", "1")),
        dependencies=(Entry(text=evil),),
        settings=(("python", evil), ("groups", (evil, "'"))),
        indexes=(FoundIndex(url=evil, name=evil, packages=(evil,)),),
    )
    data = tomllib.loads(extend_manifest("", additions))
    assert set(data["tool"]) == {"envctl"}
    assert data["project"]["dependencies"] == [evil]
    assert data["tool"]["envctl"]["index"][0]["url"] == evil


def test_sections_variables_and_constraints_join_what_is_there() -> None:
    old = (
        '[project]\nname = "x"\n[project.optional-dependencies]\nPlot_It = ["a"]  # mine\n'
        '[dependency-groups]\nDev = [{ include-group = "lint" }]\nlint = []\n'
        '[tool.envctl]\nconstraints = ["c<1"]\n[tool.envctl.env]\nA = "1"\n'
    )
    additions = Additions(
        sections=(
            Section(kind="extra", name="plot-it", entries=(Entry(text="b"),)),
            Section(kind="extra", name="web", entries=()),
            Section(kind="group", name="dev", entries=(Entry(text="d", comment="why"),)),
        ),
        constraints=(Entry(text="c<1"), Entry(text="e<2")),
        env=(("A", "2"), ("B", 'x"\n[tool.evil]')),
    )
    new = extend_manifest(old, additions)
    data = tomllib.loads(new)
    assert data["project"]["optional-dependencies"] == {"Plot_It": ["a", "b"], "web": []}
    assert data["dependency-groups"] == {"Dev": [{"include-group": "lint"}, "d"], "lint": []}
    assert data["tool"] == {
        "envctl": {"constraints": ["c<1", "e<2"], "env": {"A": "1", "B": 'x"\n[tool.evil]'}}
    }
    assert "# mine" in new
    assert "# why" in new
    made = tomllib.loads(extend_manifest("", additions))
    assert made["dependency-groups"] == {"dev": ["d"]}
    assert made["tool"]["envctl"]["constraints"] == ["c<1", "e<2"]


def test_entries_join_an_array_that_is_there() -> None:
    old = 'a = 1\n[x]\nlist = [\n  "a",  # first\n  "b" # last\n]\n'
    new = with_entries(old, ("x", "list"), (Entry(text="c", comment="new"),))
    assert tomllib.loads(new)["x"]["list"] == ["a", "b", "c"]
    assert "# first" in new
    assert "# last" in new
    with pytest.raises(ManifestError, match="expected an array"):
        with_entries(old, ("a",), (Entry(text="c"),))


def test_broken_toml_is_a_manifest_error() -> None:
    with pytest.raises(ManifestError, match="not TOML"):
        extend_manifest("a = ", ADDITIONS)


comments = st.from_regex(r"# [a-z =\[\]\"'é]{0,12}", fullmatch=True)
values = st.sampled_from(
    [
        "1",
        "true",
        '"x"',
        "'y'",
        '"""\nmulti\n# not a comment\n"""',
        "[1, 2]",
        "[\n  1, # one\n  2,\n]",
        "{ a = 1 }",
        "2026-01-01",
        "nan",
    ]
)
blanks = st.sampled_from(["", "\n", "\n\n"])


@st.composite
def bodies(draw: st.DrawFn, keys: tuple[str, ...]) -> str:
    lines = []
    for key in draw(st.permutations(keys)):
        lines.append(draw(st.one_of(st.just(""), comments.map(lambda c: f"{c}\n"))))
        tail = draw(st.one_of(st.just(""), comments.map(lambda c: f"  {c}")))
        lines.append(f"{draw(st.sampled_from(['', '  ']))}{key} = {draw(values)}{tail}\n")
    return "".join(lines) + draw(blanks) + draw(st.one_of(st.just(""), comments.map("{}\n".format)))


@st.composite
def documents(draw: st.DrawFn) -> str:
    headings = draw(
        st.lists(
            st.sampled_from(
                [
                    "[project]",
                    "[project.urls]",
                    "[build-system]",
                    "[tool.ruff]",
                    "[tool.ruff.lint]",
                    "[tool.envctl]",
                    "[tool.envctl.env]",
                    "[tool.envctl.image]",
                    "[[tool.x]]",
                    "[dependency-groups]",
                ]
            ),
            unique=True,
        )
    )
    parts = [draw(bodies(("a", "b")))] if draw(st.booleans()) else []
    parts += [f"{heading}\n{draw(bodies(('k', 'l', 'm')))}" for heading in headings]
    text = "".join(parts)
    text = text if draw(st.booleans()) else text.rstrip("\n")
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def grown(old: object, new: object) -> bool:
    """Whether every key and value of the old document is in the new one."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and grown(value, new[key]) for key, value in old.items())
    return repr(old) == repr(new)


@settings(deadline=None)
@given(documents())
def test_whatever_was_there_stays_in_its_order(old: str) -> None:
    new = extend_manifest(old, ADDITIONS)
    assert is_kept(old, new)
    assert grown(tomllib.loads(old), tomllib.loads(new))
    own = tomllib.loads(new)["tool"]["envctl"]
    assert (own["python"], own["constraints"]) == ("3.11", ["numpy<3"])
    settled = Additions(project=ADDITIONS.project, settings=SETTINGS, indexes=ADDITIONS.indexes)
    assert extend_manifest(new, settled) == new
