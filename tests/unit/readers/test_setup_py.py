"""setup.py is read and never run: each dependency is carried over, or there is a note with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.errors import ManifestError
from tests.unit.readers.imports import ASSETS, read, required, said, sections


def setup(before: str, arguments: str, **files: str) -> tuple[list[str], str]:
    """Read a module that calls `setup()` with these arguments: its requirements and the notes."""
    found = read("setup.py", f"{before}\nsetup({arguments})\n", **files)
    return required(found), said(found)


def test_clip_takes_the_lines_of_a_file_and_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ASSETS / "clip.setup.py.txt").read_text(encoding="utf-8")
    found = read("setup.py", text, requirements__txt="ftfy\npackaging\nregex\ntqdm\ntorch\n")
    assert required(found) == ["ftfy", "packaging", "regex", "tqdm", "torch"]
    assert sections(found) == {"extra dev": ["pytest"]}
    assert (found.name, found.notes) == ("clip", ())
    assert list(tmp_path.iterdir()) == []


def test_detectron2_has_all_its_lines() -> None:
    text = (ASSETS / "detectron2.setup.py.txt").read_text(encoding="utf-8")
    found = read("setup.py", text)
    assert len(required(found)) == 16
    assert required(found)[-5:] == [
        "dataclasses; python_version<'3.7'",
        "omegaconf>=2.1,<2.4",
        "hydra-core>=1.1",
        "black",
        "packaging",
    ]
    extras = sections(found)
    assert len(extras["extra all"]) == 7
    assert len(extras["extra dev"]) == 5
    assert found.requires_python == ">=3.7"
    assert found.notes == ()
    line = int(found.requirements[0].where.removeprefix("setup.py:"))
    assert '"Pillow>=7.1"' in text.splitlines()[line - 1]


def test_of_transformers_it_is_said_what_only_running_would_tell() -> None:
    text = (ASSETS / "transformers.setup.py.txt").read_text(encoding="utf-8")
    found = read("setup.py", text)
    assert found.requires_python == ">=3.9.0"
    assert required(found) == []
    notes = said(found)
    assert "`install_requires` is not read" in notes
    assert "`extras_require` may be changed here" in notes
    assert sections(found)["extra testing"] == ["pytest>=7.2.0"]


@pytest.mark.parametrize(
    "taken",
    [
        "open('requirements.txt').read().splitlines()",
        "open('requirements.txt', 'r', encoding='utf-8').readlines()",
        "open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'requirements.txt')).read().split('\\n')",
        "[line.strip() for line in open('requirements.txt') if line.strip()]",
        "(pathlib.Path(__file__).parent / 'requirements.txt').read_text().splitlines()",
        "Path(__file__).resolve().parent.joinpath('requirements.txt').read_text().strip().split('\\n')",
        "list(open('requirements.txt'))",
        "[str(r) for r in parse_requirements('requirements.txt')]",
        "lines('requirements.txt')",
        "lines(name='requirements.txt')",
        "lines()",
        "shared",
        "[*shared]",
        "with_file",
    ],
)
def test_ways_to_take_the_lines_of_a_file(taken: str) -> None:
    before = """
import os, pathlib
from pathlib import Path
HERE = Path(__file__).parent

def lines(name="requirements.txt"):
    'Read them.'
    import io
    with io.open(HERE / name) as stream:
        found = stream.read()
    return [each for each in found.splitlines()]

shared = lines("requirements.txt")
with open("requirements.txt") as f:
    with_file = f.read().splitlines()
"""
    found, notes = setup(before, f"install_requires={taken}", requirements__txt="six\n# x\nattrs\n")
    assert (found, notes) == (["six", "attrs"], "")


def test_lines_that_the_script_leaves_out_are_left_out() -> None:
    chosen = "l.strip() and not l.startswith(('#', 'git+')) and not l.startswith('-')"
    taken = f"[l for l in open('r.txt') if {chosen}]"
    lines = "six\ngit+https://x.example\n-e .\n"
    assert setup("", f"install_requires={taken}", r__txt=lines) == (["six"], "")


@pytest.mark.parametrize(
    ("before", "value", "wanted"),
    [
        ("A = ['a']\nA.append('b')\nA += ['c']\nA.extend(['d'])", "A", ["a", "b", "c", "d"]),
        ("A = ['a']\nB = A + ['b']", "B", ["a", "b"]),
        ("V = '1.2'", "[f'a>={V}', 'b' + '>=2']", ["a>=1.2", "b>=2"]),
        ("D = {'x': ['a'], 'y': ['b']}\nD['z'] = ['c']", "sum(D.values(), [])", ["a", "b", "c"]),
        ("D = dict(x=['a'])\nD.update({'y': ['b']})", "D['x'] + D['y']", ["a", "b"]),
        ("from itertools import chain\nD = {'x': ['a']}", "list(chain(*D.values()))", ["a"]),
        ("", "('a', 'b')", ["a", "b"]),
        ("", '"""\na\n# no\nb  # why\n"""', ["a", "b"]),
        ("A: list[str] = ['a']", "sorted(A)", ["a"]),
        ("N = ['a', 'b']", "[x + '>=1' for x in N]", ["a>=1", "b>=1"]),
        ("A = open('r.txt').read().splitlines()\nA.append('z')", "A + ['y']", ["six", "z", "y"]),
    ],
)
def test_values_that_can_be_told(before: str, value: str, wanted: list[str]) -> None:
    assert setup(before, f"install_requires={value}", r__txt="six\n") == (wanted, "")


@pytest.mark.parametrize(
    "text",
    [
        "if __name__ == '__main__':\n    setup(install_requires=['a'])\n",
        "def main():\n    deps = ['a']\n    setup(install_requires=deps)\nmain()\n",
        "kw = {'install_requires': ['a']}\nsetup(**kw)\n",
        "import setuptools\nsetuptools.setup(install_requires=['a'])\n",
        "try:\n    from x import setup\nfinally:\n    setup(install_requires=['a'])\n",
    ],
)
def test_places_of_the_call(text: str) -> None:
    found = read("setup.py", text)
    assert (required(found), said(found)) == (["a"], "")


@pytest.mark.parametrize(
    ("before", "value", "line"),
    [
        ("import os", "os.environ['DEPS'].split()", 2),
        ("", "get()", 2),
        ("A = get()", "A", 1),
        ("", "['a', get()]", 2),
        ("", "[x for x in open('r.txt') if 'gpu' not in x]", 2),
        ("", "[x.split('=')[0] for x in open('r.txt')]", 2),
        ("", "['a'] if True else []", 2),
        ("", "['a' * 10**9]", 2),
        ("", "open('r.txt', 'w')", 2),
        ("", "open('/etc/passwd').read().splitlines()", 2),
        ("", "open('../r.txt').read().splitlines()", 2),
        ("", "open('gone.txt').read().splitlines()", 2),
        ("def f(n):\n    return f(n)", "f('r.txt')", 2),
        ("def f():\n    for x in []:\n        pass\n    return ['a']", "f()", 5),
        ("A = ['x']\n" + "A = A + A\n" * 40, "A", 16),
    ],
)
def test_what_cannot_be_told_is_said_with_its_line(before: str, value: str, line: int) -> None:
    found, notes = setup(before, f"install_requires={value}", r__txt="six\n")
    assert found == []
    assert "not read" in notes
    assert f"setup.py:{line} " in notes


@pytest.mark.parametrize(
    "change",
    [
        "if sys.version_info < (3, 8):\n    A.append('b')",
        "for x in y:\n    A += [x]",
        "try:\n    import x\nexcept ImportError:\n    A = ['b']",
        "if x:\n    pass\nelif z:\n    A.remove('a')",
        "strange(A)",
        "A.append(get())",
        "A.remove('a')",
        "del A[0]",
        "A[0] = get()",
    ],
)
def test_what_may_have_changed_is_said_with_its_line(change: str) -> None:
    found, notes = setup(f"import sys\nA = ['a']\n{change}", "install_requires=A")
    assert found == ["a"]
    assert "setup.py:3 `install_requires` may be changed here" in notes


def test_a_doubt_goes_along_with_a_value() -> None:
    before = "A = ['a']\nif x:\n    A.append('b')\nB = A + ['c']"
    found, notes = setup(before, "install_requires=B")
    assert found == ["a", "c"]
    assert "setup.py:2 `install_requires` may be changed here" in notes


def test_extras_whose_names_hold_a_marker() -> None:
    text = """setup(extras_require={
        ":python_version < '3.11'": ["tomli>=1 ; os_name == 'nt' or os_name == 'java'"],
        "Plot_It:sys_platform == 'win32'": ["matplotlib"],
        "none": [],
    })"""
    found = read("setup.py", text)
    (tomli,) = required(found)
    assert tomli.startswith("tomli>=1 ; (os_name ==")
    assert tomli.endswith("and python_version < '3.11'")
    assert sections(found) == {
        "extra plot-it": ["matplotlib ; sys_platform == 'win32'"],
        "extra none": [],
    }


def test_what_the_call_leaves_out_is_read_from_setup_cfg() -> None:
    config = "[metadata]\nname = cfg\n[options]\npython_requires = >=3.9\ninstall_requires = a; b\n"
    found = read("setup.py", "setup()", setup__cfg=config)
    assert (required(found), found.name, found.requires_python) == (["a", "b"], "cfg", ">=3.9")
    both = read("setup.py", "setup(install_requires=['c'], name='py')", setup__cfg=config)
    assert (required(both), both.name, both.requires_python) == (["c"], "py", ">=3.9")


def test_what_is_not_carried_over_is_said() -> None:
    _, notes = setup(
        "", "setup_requires=['x'], tests_require=['y'], dependency_links=[get()], **get()"
    )
    for key in ("setup_requires", "tests_require", "dependency_links"):
        assert f"`{key}` left out" in notes
    assert "some arguments of `setup()` are not read" in notes


def test_a_call_without_dependencies_is_said() -> None:
    assert "called without dependencies" in setup("", "name='x'")[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def (", "not Python"),
        ("x = 1", "calls no `setup"),
        ("x = " + "(" * 5000, "not Python|nested"),
        ("x = " + "-" * 100_000 + "1", "nested|not Python"),
        ("x = '\0'", "not Python|nested"),
        ("setup(install_requires=['=>1'])", "is not a requirement"),
        ("setup(install_requires=['a'], extras_require={':x y': ['a']})", "is not a marker"),
    ],
)
def test_what_is_broken_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as info:
        read("setup.py", text)
    assert (info.value.where or "").startswith("setup.py")
    assert info.value.hint


def test_functions_that_call_each_other_many_times_end() -> None:
    functions = [f"def f{n}():\n" + f"    a = f{n + 1}()\n" * 20 + "    return a" for n in range(9)]
    before = "\n".join([*functions, "def f9():\n    return get()"])
    found, notes = setup(before, "install_requires=f0()")
    assert found == []
    assert "not read" in notes


names = st.sampled_from(["A", "B", "open", "setup", "x", "'a'", "'r.txt'", "1", "{}", "[]"])
expressions = st.recursive(
    names,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} + {p[1]})"),
        st.lists(inner, max_size=3).map(lambda p: f"[{', '.join(p)}]"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}[{p[1]}]"),
        st.tuples(inner, inner).map(lambda p: f"{{{p[0]}: {p[1]}}}"),
        st.tuples(inner, inner).map(lambda p: f"[x for x in {p[0]} if {p[1]}]"),
        inner.map(lambda p: f"{p}.values()"),
        inner.map(lambda p: f"dict(a={p})"),
        inner.map(lambda p: f"list({p})"),
    ),
    max_leaves=8,
)
statements = st.one_of(
    expressions.map(lambda e: f"A = {e}"),
    expressions.map(lambda e: f"A += {e}"),
    expressions.map(lambda e: f"A[{e}] = B"),
    expressions.map(lambda e: f"B.append({e})"),
    expressions.map(lambda e: f"if {e}:\n    B = {e}"),
    expressions.map(lambda e: f"def open(x=A):\n    y = {e}\n    return y"),
    expressions.map(lambda e: f"with {e} as A:\n    B = A"),
)


@given(st.lists(statements, max_size=5), expressions)
def test_any_module_is_read_or_refused(lines: list[str], value: str) -> None:
    text = "\n".join([*lines, f"setup(install_requires={value}, extras_require=A)"])
    wheres: list[str | None] = []
    try:
        read("setup.py", text, r__txt="six\n")
    except ManifestError as error:
        wheres.append(error.where)
    assert all(where and where.startswith(("setup.py", "r.txt")) for where in wheres)


@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("from setuptools import find_packages, setup as s", "s"),
        ("from distutils.core import setup as s", "s"),
        ("import setuptools as st", "st.setup"),
        ("try:\n    from setuptools import setup as s\nexcept ImportError:\n    raise", "s"),
        (
            "from setuptools import setup as s\nimport logs\nlogs.setup(install_requires=['no'])",
            "s",
        ),
    ],
)
def test_setup_by_another_name(imported: str, call: str) -> None:
    found = read("setup.py", f"{imported}\n{call}(install_requires=['six>=1', 'click'])\n")
    assert required(found) == ["six>=1", "click"]
