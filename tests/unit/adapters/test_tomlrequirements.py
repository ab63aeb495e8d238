"""Requirements in and out of a user's arrays: the data is as asked, and no other byte has moved."""

import tomllib
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement

from envctl.adapters.toml.requirements import with_requirement, without_requirement
from envctl.adapters.toml.tokens import array_span, keys, tokens
from envctl.errors import ManifestError

BASE = ("project", "dependencies")


def project(array: str) -> str:
    return f'[project]\nname = "x"\ndependencies = {array}\n\n# next\n[tool.x]\n'


def array_of(text: str) -> str:
    span = array_span(text, BASE)
    assert span
    return text[span[0] : span[1]]


def at(text: str, path: Iterable[str]) -> Any:
    found: Any = tomllib.loads(text)
    for key in path:
        found = found[key]
    return found


@pytest.mark.parametrize(
    ("old", "requirement", "new"),
    [
        ("[]", "b", '[\n    "b",\n]'),
        ("[ ]", "b", '[\n    "b",\n]'),
        ('["c", "a"]', "b", '["c", "a", "b"]'),
        ('["a", "c"]', "b", '["a", "b", "c"]'),
        ('[ "a" ]', "b", '[ "a", "b" ]'),
        ('[ "c" ]', "b", '[ "b", "c" ]'),
        ('["c","a"]', "b", '["c","a","b"]'),
        ('["c", "a", ]', "b", '["c", "a", "b", ]'),
        ("['c', 'a']", "b", "['c', 'a', 'b']"),
        ('["c", "a"]', 'b; extra == "x"', '["c", "a", \'b; extra == "x"\']'),
        ("['c', 'a']", "b; extra == 'x'", "['c', 'a', \"b; extra == 'x'\"]"),
        # many lines: indent and last comma as they are, comments where they are
        ('[\n  "c",\n  "a",\n]', "b", '[\n  "c",\n  "a",\n  "b",\n]'),
        ('[\n\t"c",\n\t"a"\n]', "b", '[\n\t"c",\n\t"a",\n\t"b"\n]'),
        ('[\n  "c",\n  "a" # x\n  # y\n]', "b", '[\n  "c",\n  "a", # x\n  "b"\n  # y\n]'),
        (
            '[\n  # x\n  "a", # y\n  # z\n  "c",\n]',
            "b",
            '[\n  # x\n  "a", # y\n  "b",\n  # z\n  "c",\n]',
        ),
        ('[ # x\n  # y\n  "c",\n]', "b", '[ # x\n  "b",\n  # y\n  "c",\n]'),
        ("[ # none yet\n]", "b", '[ # none yet\n    "b",\n]'),
        ('[\n  # "a",\n]', "b", '[\n  # "a",\n  "b",\n]'),
        ('[\n  "c",\n  "a"]', "b", '[\n  "c",\n  "a",\n  "b"]'),
        ('["c",\n "a" ]', "b", '["c",\n "a",\n "b" ]'),
        ('["a",\n "c"]', "b", '["a",\n "b",\n "c"]'),
        ('[\n  "a", "c",\n  "d",\n]', "b", '[\n  "a", "b", "c",\n  "d",\n]'),
        ('[\n  "a", "c",\n  "e",\n]', "d", '[\n  "a", "c",\n  "d",\n  "e",\n]'),
        ('[ "c" # x\n, "a" # y\n]', "b", '[ "c" # x\n, "a" # y\n, "b"\n]'),
        ('[ "a" # x\n, "c" # y\n]', "b", '[ "a" # x\n, "b"\n, "c" # y\n]'),
        # sorted without regard to case, or to what is a name and what a version
        ('["Apple", "cherry"]', "Banana", '["Apple", "Banana", "cherry"]'),
        ('["a[x]>=2", "a-b", "c"]', "b", '["a[x]>=2", "a-b", "b", "c"]'),
        ('[{ include-group = "x" }]', "b", '["b", { include-group = "x" }]'),
        (
            '[\n  "a",\n  { include-group = "x" }, # c\n]',
            "b",
            '[\n  "a",\n  "b",\n  { include-group = "x" }, # c\n]',
        ),
        # the same name: that line, in its quotes, with its comment
        ("[\n  \"a\", # x\n  'B_c>1', # y\n]", "b.c>=2", "[\n  \"a\", # x\n  'b.c>=2', # y\n]"),
        (
            "[\"b>1 ; python_version < '3.9'\"]",
            "b>2; python_version<'3.9'",
            "[\"b>2; python_version<'3.9'\"]",
        ),
        (
            '["b>1; python_version < \'3.9\'", "c"]',
            "b>2",
            '["b>1; python_version < \'3.9\'", "b>2", "c"]',
        ),
        ('[\n  "b<3", # why\n  "b>1", # twice\n  "c",\n]', "b>2", '[\n  "b>2", # why\n  "c",\n]'),
        ('["b @ https://index.example/b.whl"]', "b>2", '["b>2"]'),
        ('["""b""", "c"]', "b>2", '["b>2", "c"]'),
        ('["a", "not a requirement !"]', "b", '["a", "b", "not a requirement !"]'),
    ],
)
def test_with(old: str, requirement: str, new: str) -> None:
    assert array_of(with_requirement(project(old), BASE, requirement)) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["b"]', "[]"),
        ("[\n  'b>=1', # y\n]", "[]"),
        ('["a", "b", "c"]', '["a", "c"]'),
        ('["b", "c"]', '["c"]'),
        ('["a", "b"]', '["a"]'),
        ('[ "a", "b" ]', '[ "a" ]'),
        ('[ "b", ]', "[]"),
        ('["a", "b", ]', '["a", ]'),
        ('[\n  "a", # x\n  "b", # y\n  "c", # z\n]', '[\n  "a", # x\n  "c", # z\n]'),
        ('[\n  "a", # x\n  "b" # y\n]', '[\n  "a" # x\n]'),
        ('[\n  # above\n  "b", # y\n  # below\n]', "[\n  # above\n  # below\n]"),
        ('[\n  "a", "b", # both\n  "c"\n]', '[\n  "a", # both\n  "c"\n]'),
        ('[\n  "B>1; python_version<\'3\'", # x\n  "a",\n  "b>2", # y\n]', '[\n  "a",\n]'),
        ('[ "a" # x\n, "b" # y\n, "c" # z\n]', '[ "a" # x\n, "c" # z\n]'),
        ('[ "b" # x\n, "c" # y\n]', '[\n "c" # y\n]'),
        ('["b", # x\n "c"]', '[\n "c"]'),
        ('[{ include-group = "b" }, "b[x]"]', '[{ include-group = "b" }]'),
        ('[["b"], "b", 1.5, 1979-05-27 07:32:00]', '[["b"], 1.5, 1979-05-27 07:32:00]'),
    ],
)
def test_without(old: str, new: str) -> None:
    found = without_requirement(project(old), BASE, "b")
    assert found is not None
    assert array_of(found) == new


@pytest.mark.parametrize("old", ["[]", '["a-b", { include-group = "b" }, ["b"]]', "['b c']"])
def test_a_name_that_is_not_there(old: str) -> None:
    assert without_requirement(project(old), BASE, "b") is None
    assert without_requirement(project(old), ("dependency-groups", "dev"), "b") is None


@pytest.mark.parametrize(
    "path",
    [
        BASE,
        ("project", "optional-dependencies", "viz"),
        ("dependency-groups", "dev"),
        ("dependency-groups", "odd.name"),
        ("tool", "envctl", "profiles", "cu126", "dependencies"),
    ],
)
@pytest.mark.parametrize(
    "old",
    [
        "",
        '[project]\nname = "x"',
        '[project]\nname = "x"\n\n# about groups\n[dependency-groups]\n# none\n\n[tool.q]\na = 1\n',
        'project.name = "x"\n',
        '[project]\r\nname = "x"\r\n',
        '[tool.envctl]\npython = "3.11"\n\n[tool.envctl.profiles.cu126]\ntorch = "cu126" # t\n',
        '[tool.envctl.profiles]\ncu126.torch = "cu126"\n',
        "[project.optional-dependencies]\nother = []\n",
    ],
)
def test_tables_and_arrays_are_made(old: str, path: tuple[str, ...]) -> None:
    new = with_requirement(old, path, "zz-made-a>=1")
    assert at(new, path) == ["zz-made-a>=1"]
    kept = iter(new.splitlines())
    assert all(line in kept for line in old.splitlines())
    assert ("\r\n" in new) == ("\r\n" in old)
    assert "\n" not in new.replace("\r\n", "") or "\r\n" not in old
    gone = without_requirement(new, path, "ZZ.made_A")
    assert gone is not None
    assert at(gone, path) == []


def test_an_array_of_an_inline_table_stays_on_its_line() -> None:
    old = 'project = { optional-dependencies = { viz = [], "a.b" = ["x"] }, name = "n" } # c\n'
    new = with_requirement(old, ("project", "optional-dependencies", "viz"), "b")
    assert new == old.replace("[]", '["b"]')
    newer = with_requirement(new, ("project", "optional-dependencies", "a.b"), "y")
    assert newer == new.replace('["x"]', '["x", "y"]')


def test_a_group_is_found_in_any_spelling() -> None:
    old = '[dependency-groups]\nDev_Tools = ["a"]\n'
    path = ("dependency-groups", "dev-tools")
    assert with_requirement(old, path, "b") == '[dependency-groups]\nDev_Tools = ["a", "b"]\n'
    assert without_requirement(old, path, "a") == "[dependency-groups]\nDev_Tools = []\n"


def test_keys_of_other_tables_are_not_names() -> None:
    new = with_requirement('[project]\nname = "x"\nDependencies = 1\n', BASE, "b")
    assert at(new, ("project",)) == {"name": "x", "Dependencies": 1, "dependencies": ["b"]}


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("a = ", BASE, "not TOML"),
        ("[project]\ndependencies = 1\n", BASE, "expected an array"),
        ("project = 1\n", BASE, "expected a table"),
        ("[[project]]\na = 1\n", BASE, "expected a table"),
        (
            'project = { name = "x" }\n',
            ("project", "optional-dependencies", "a"),
            "leaves no place",
        ),
        ("tool = { x = 1 }\n", ("tool", "envctl", "dependencies"), "leaves no place"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, path: tuple[str, ...], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        with_requirement(text, path, "b")


def test_no_requirement_no_edit() -> None:
    with pytest.raises(InvalidRequirement):
        with_requirement(project("[]"), BASE, 'x"\n[tool.evil]\n')


# Arrays in every way that TOML allows.

blanks = st.lists(
    st.sampled_from([" ", "\t", "\n", "\n    ", ' # c, "x" [\n', "# é ]\n\n  "]), max_size=3
).map("".join)
names = st.sampled_from(["alpha", "Beta_2", "gamma.x", "delta", "eps"])
rests = st.sampled_from(["", ">=1", "[x]<3", " ; python_version < '3.9'", ' ; os_name == "ü"'])
others = st.sampled_from(
    ['{ include-group = "alpha" }', '["alpha", # ]\n]', "1.5", "nan", "'''\nalpha\n'''"]
)


@st.composite
def strings(draw: st.DrawFn) -> str:
    text = draw(names) + draw(rests)
    ways = [f'"{text}"' if '"' not in text else "'" + text + "'", f'"""{text}"""']
    ways += [f"'{text}'"] if "'" not in text else []
    if '"' not in text:
        ways.append('"' + "".join(f"\\u{ord(c):04x}" if c == "a" else c for c in text) + '"')
    return draw(st.sampled_from(ways))


@st.composite
def arrays(draw: st.DrawFn) -> str:
    inner = ""
    cells = draw(st.lists(st.one_of(strings(), strings(), strings(), others), max_size=6))
    for n, cell in enumerate(cells):
        comma = "," if n + 1 < len(cells) or draw(st.booleans()) else ""
        inner += draw(blanks) + cell + draw(blanks) + comma
    return f"[{inner}{draw(blanks)}]"


@st.composite
def documents(draw: st.DrawFn) -> str:
    text = project(draw(arrays()))
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def spoken(text: str) -> list[str]:
    return [token.text.strip() for token in tokens(text) if token.kind == "comment"]


def key(value: object) -> tuple[str, Marker | None] | None:
    """Return the name and the marker of a requirement, ``None`` for what is none."""
    try:
        found = Requirement(value) if isinstance(value, str) else None
    except InvalidRequirement:
        return None
    if found is None:
        return None
    return (found.name.lower().replace("_", "-").replace(".", "-"), found.marker)


@settings(deadline=None)
@given(documents(), names, rests)
def test_adding_changes_one_line(old: str, name: str, rest: str) -> None:
    requirement = name + rest
    new = with_requirement(old, BASE, requirement)
    before, after = at(old, BASE), at(new, BASE)
    kept = [value for value in before if key(value) != key(requirement)]
    assert after.count(requirement) == 1
    position = after.index(requirement)
    assert repr([*after[:position], *after[position + 1 :]]) == repr(kept)
    start, end, _ = array_span(old, BASE) or (0, 0, False)
    assert new.startswith(old[:start])
    assert new.endswith(old[end:])
    assert ("\r\n" in old) == ("\n" not in new.replace("\r\n", ""))
    if len(kept) < len(before):
        assert position == next(
            n for n, value in enumerate(before) if key(value) == key(requirement)
        )
        return
    assert spoken(new) == spoken(old)
    if before or "\n" in old[start:end]:  # else `[ ]`: it becomes an array of lines
        new_text = iter(new)  # characters came in, none went or moved
        assert all(character in new_text for character in old)
        assert len(new) - len(old) <= len(requirement) + 20


@settings(deadline=None)
@given(documents(), names)
def test_removing_leaves_the_rest(old: str, name: str) -> None:
    new = without_requirement(old, BASE, name)
    before = at(old, BASE)
    wanted = name.lower().replace("_", "-").replace(".", "-")
    mine = [value for value in before if (found := key(value)) and found[0] == wanted]
    if new is None:
        assert mine == []
        return
    assert repr(at(new, BASE)) == repr([value for value in before if value not in mine])
    start, end, _ = array_span(old, BASE) or (0, 0, False)
    assert new.startswith(old[:start])
    assert new.endswith(old[end:])
    rest_of_new = iter(old)  # what is left was there, in that order
    assert all(character in rest_of_new for character in new)
    if at(new, BASE):
        above = [
            line.strip() for line in old[start:end].splitlines()[1:] if line.strip().startswith("#")
        ]
        left = iter(spoken(new))
        assert all(comment in left for comment in above)


@settings(deadline=None)
@given(documents(), rests)
def test_added_and_removed_again(old: str, rest: str) -> None:
    new = with_requirement(old, BASE, f"zz-made-new{rest}")
    again = without_requirement(new, BASE, "ZZ_made.new")
    assert again is not None
    assert repr(tomllib.loads(again)) == repr(tomllib.loads(old))
    assert spoken(again) == spoken(old)


@settings(deadline=None)
@given(documents(), st.permutations(["b0", "b1", "b2"]))
def test_a_sorted_array_stays_sorted(old: str, new_names: list[str]) -> None:
    values = at(old, BASE)
    found = [key(value) for value in values]
    assume(all(found) and found == sorted(found, key=lambda each: each[0] if each else ""))
    text = old
    for name in new_names:
        text = with_requirement(text, BASE, name)
    result = [Requirement(value).name.lower() for value in at(text, BASE)]
    assert result == sorted(result)


@settings(deadline=None)
@given(st.lists(st.text("ab.\"'\\[]=# é", min_size=1), min_size=1, max_size=3))
def test_keys_are_read_as_toml_reads_them(path: list[str]) -> None:
    dotted = " . ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in path)
    assert keys(dotted) == tuple(path)
    text = f"# [\n[ {dotted} ] # ]\nx = {{ 'y z' = [ # ]\n 1 ] }}\n"
    span = array_span(text, (*path, "x", "y z"))
    assert span
    assert text[span[0] : span[1]] == "[ # ]\n 1 ]"
    assert span[2]
