"""When is a lock stale? Both directions: what cannot change a resolution never makes it so, what can always does.

A project is drawn as data, written as TOML in a drawn style, and read as envctl reads it. The neutral direction
writes it twice; the other one changes it in one point, which the finding must name.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Package, PackageWheel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.checks.lock import check
from envctl.domain.lock import Lock, assemble, inputs_of
from envctl.domain.lock.state import answers
from envctl.domain.manifest import Index, Manifest, claimant
from envctl.domain.manifest.reading import parse_manifest
from envctl.domain.profile import variants
from envctl.domain.resolution import Resolution
from envctl.errors import ManifestError

Project = dict[str, Any]

NAMES = ("zz-made-a", "zz-made-b", "zz-made-c", "zz-made-d")
SPECIFIERS = ("", ">=1", "<3", ">=1,<3", "==2.0", "!=1.5,>1")
MARKERS = ("", "python_version < '3.12'", "sys_platform == 'linux' and python_version >= '3.9'")
PLATFORMS = ("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64")


def written(name: str, extras: Sequence[str], specifier: str, marker: str) -> str:
    extra = f"[{','.join(extras)}]" if extras else ""
    return f"{name}{extra}{specifier}" + (f"; {marker}" if marker else "")


requirements = st.builds(
    written,
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(["fast", "plot"]), unique=True, max_size=2).map(sorted),
    st.sampled_from(SPECIFIERS),
    st.sampled_from(MARKERS),
)
several = st.lists(requirements, max_size=4, unique=True)
flags = st.booleans()
patterns = st.lists(st.sampled_from(["own-*", "zz-made-d", "acme-[ab]*"]), unique=True, max_size=2)


@st.composite
def indexes(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(st.sampled_from(["one", "two", "three"]), unique=True, max_size=3))
    return [
        {"name": name, "url": f"https://{name}.example/simple", "packages": draw(patterns)}
        for name in names
    ]


@st.composite
def projects(draw: st.DrawFn) -> Project:
    groups: dict[str, list[Any]] = {
        name: draw(several) for name in draw(st.sampled_from([(), ("dev",), ("dev", "test")]))
    }
    if "test" in groups and draw(flags):
        groups["dev"] = [*groups["dev"], {"include-group": "test"}]
    return {
        "dependencies": draw(several),
        "extras": {
            name: draw(several) for name in draw(st.sampled_from([(), ("viz",), ("viz", "io")]))
        },
        "groups": groups,
        "constraints": draw(several),
        "indexes": draw(indexes()),
        "platforms": draw(st.lists(st.sampled_from(PLATFORMS), unique=True)),
        "python": draw(st.sampled_from([None, "3.11", "3.11.7"])),
        "requires-python": draw(st.sampled_from([None, ">=3.11", ">=3.9,<3.14"])),
        "exclude-newer": draw(st.sampled_from([None, "2026-11-01"])),
        "resolver": draw(st.sampled_from(["uv", "pip-tools"])),
    }


# Writing: one project, in as many ways as TOML and PEP 508 have.


def draw_requirement(draw: st.DrawFn, text: str) -> str:
    """Spell a requirement otherwise: case and separators of names, white space, quotes, order."""
    parsed = Requirement(text)
    name = draw(
        st.sampled_from([parsed.name, parsed.name.upper(), parsed.name.replace("-", "_", 1)])
    )
    gap = st.sampled_from(["", " "])
    extras = draw(st.permutations([e.title() for e in sorted(parsed.extras)]))
    specifiers = draw(st.permutations([str(each) for each in parsed.specifier]))
    extra = f"{draw(gap)}[{f' ,{draw(gap)}'.join(extras)}]" if extras else ""
    limits = draw(gap) + f"{draw(gap)},{draw(gap)}".join(specifiers)
    if not parsed.marker:
        return name + extra + limits
    quote = draw(st.sampled_from(["'", '"']))
    marker = (
        str(parsed.marker)
        .replace('"', quote)
        .replace(" and ", draw(st.sampled_from([" and ", "  and "])))
    )
    return f"{name}{extra}{limits}{draw(gap)};{draw(gap)}{marker}"


def draw_string(draw: st.DrawFn, text: str) -> str:
    ways = [json.dumps(text), f'"""{text}"""' if '"' not in text else json.dumps(text)]
    ways += [f"'{text}'", f"'''{text}'''"] if "'" not in text else []
    return draw(st.sampled_from(ways))


def draw_value(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, str):
        return draw_string(draw, value)
    if isinstance(value, list):
        cells = [draw_value(draw, each) for each in value]
        if draw(flags):
            return f"[{', '.join(cells)}]"
        comment = draw(st.sampled_from(["", "  # why", " # zz-made-z = ["]))
        return "[\n" + "".join(f"\t{cell},{comment}\n" for cell in cells) + "]"
    pairs = [f"{key} = {draw_value(draw, each)}" for key, each in value.items()]
    return "{ " + ", ".join(pairs) + " }"


def draw_table(draw: st.DrawFn, heading: str, table: Mapping[str, Any]) -> str:
    lines = [
        draw(st.sampled_from(["", "# a note\n", "\n"]))
        + f"{draw(st.sampled_from([key, json.dumps(key)]))} = {draw_value(draw, value)}\n"
        for key, value in draw(st.permutations(sorted(table.items())))
    ]
    return f"{heading}\n{''.join(lines)}"


def draw_list(draw: st.DrawFn, texts: Sequence[Any]) -> list[Any]:
    spelled: list[Any] = [
        draw_requirement(draw, each) if isinstance(each, str) else each for each in texts
    ]
    if draw(flags) and spelled:
        spelled.append(spelled[0])
    return list(draw(st.permutations(spelled)))


def draw_text(draw: st.DrawFn, project: Project) -> str:
    """Write a project as a ``pyproject.toml`` in some style, with metadata that mean nothing to a resolver."""
    metadata = {
        "name": "demo",
        "version": draw(st.sampled_from(["1.0", "2.0.dev1"])),
        "description": draw(st.sampled_from(["", "A demo."])),
        "authors": [{"name": draw(st.sampled_from(["A", "B"]))}],
        "keywords": draw(st.lists(st.sampled_from(["x", "y"]))),
    }
    if project["requires-python"]:
        parts = project["requires-python"].split(",")
        metadata["requires-python"] = f"{draw(st.sampled_from([',', ' , ']))}".join(
            draw(st.permutations(parts))
        )
    own = {key: project[key] for key in ("python", "exclude-newer", "resolver") if project[key]}
    if project["resolver"] == "uv" and draw(flags):
        del own["resolver"]  # it is the default
    own["platforms"] = draw(st.permutations(project["platforms"]))
    own["constraints"] = draw_list(draw, project["constraints"])
    own["groups"] = draw(st.sampled_from([[], sorted(project["groups"])]))
    own["required-version"] = draw(st.sampled_from([">=0", ">=0.0.1"]))
    own["env"] = {"PYTHONHASHSEED": "0"}
    if project["indexes"]:
        own["index"] = [
            {
                "name": index["name"],
                "url": index["url"] + draw(st.sampled_from(["", "/"])),
                "packages": draw(st.permutations(index["packages"])),
            }
            for index in project["indexes"]
        ]
    titled = draw(flags)
    sets = {
        "project.optional-dependencies": {
            key.title() if titled else key: draw_list(draw, texts)
            for key, texts in project["extras"].items()
        },
        "dependency-groups": {
            key: draw_list(draw, texts) for key, texts in project["groups"].items()
        },
    }
    metadata["dependencies"] = draw_list(draw, project["dependencies"])
    tables = [
        draw_table(draw, "[project]", metadata),
        draw_table(draw, "[tool.envctl]", own),
        draw_table(draw, "[tool.other]", {"requires": ["zz-made-z"]}),
        *(draw_table(draw, f"[{key}]", table) for key, table in sets.items()),
    ]
    text = draw(st.sampled_from(["", "# head\n\n"])) + "\n".join(draw(st.permutations(tables)))
    return text.replace("\n", "\r\n") if draw(flags) else text


def read(text: str) -> Manifest:
    return parse_manifest(tomllib.loads(text))


@st.composite
def twice(draw: st.DrawFn) -> tuple[Manifest, Manifest]:
    """Draw one project, written in two ways."""
    project = draw(projects())
    return read(draw_text(draw, project)), read(draw_text(draw, project))


def locked(manifest: Manifest) -> Lock:
    """Return a lock that answers the manifest: one version of each name."""
    sets = (manifest.dependencies, *manifest.extras.values(), *manifest.groups.values())
    names = sorted({Requirement(text).name for texts in sets for text in texts})
    resolution = Resolution(
        packages=tuple(
            Package(
                name=canonicalize_name(name),
                version=Version("1.0"),
                wheels=[
                    PackageWheel(
                        url=f"https://one.example/{name.replace('-', '_')}-1.0-py3-none-any.whl",
                        hashes={"sha256": "0" * 64},
                    )
                ],
            )
            for name in names
        ),
        edges={},
        environments=tuple(platform.marker for platform in manifest.platforms),
        requires_python=">=3.11",
        made_by="uv 0",
    )
    return assemble(resolution, manifest, {})


@settings(deadline=None, max_examples=50)
@given(twice())
def test_style_order_and_metadata_never_make_a_lock_stale(pair: tuple[Manifest, Manifest]) -> None:
    one, other = pair
    assert inputs_of(one) == inputs_of(other)
    assert list(check(other, locked(one))) == []
    assert answers(locked(one), other)


# Changing: each function changes one thing in place; it returns the project as it was, and the lines to be named.

Change = Callable[[st.DrawFn, Project], tuple[Project, Sequence[str]]]


def some_list(draw: st.DrawFn, project: Project) -> tuple[str, list[Any]]:
    """Choose a list of requirements; return it with the words that its lines begin with."""
    lists = [("requires", project["dependencies"]), ("constraint", project["constraints"])]
    lists += ((f"extra {name}:", texts) for name, texts in project["extras"].items())
    alone = {"include-group": "test"} not in project["groups"].get("dev", [])
    lists += (
        (f"group {name}:", texts)
        for name, texts in project["groups"].items()
        if name != "test" or alone  # else two groups change with it
    )
    return draw(st.sampled_from(lists))


def new_requirement(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    old = deepcopy(project)
    word, texts = some_list(draw, project)
    texts.insert(0, "zz-made-new>=1")
    return old, (f"{word} zz-made-new>=1",)


def requirement_gone(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    word, texts = some_list(draw, project)
    texts.append("zz-made-gone")
    old = deepcopy(project)
    texts.pop()
    return old, (f"{word} zz-made-gone",)


def another_specifier(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    word, texts = some_list(draw, project)
    texts.append("zz-made-x" + draw(st.sampled_from(SPECIFIERS)))
    old = deepcopy(project)
    texts[-1] = "zz-made-x>=9"
    return old, (f"{word} zz-made-x>=9", f"{word} zz-made-x")


def another_marker(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    word, texts = some_list(draw, project)
    texts.append(written("zz-made-x", (), "", draw(st.sampled_from(MARKERS))))
    old = deepcopy(project)
    texts[-1] = "zz-made-x; os_name == 'nt'"
    return old, (f"{word} zz-made-x",)


def another_extra_of_it(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    word, texts = some_list(draw, project)
    texts.append("zz-made-x")
    old = deepcopy(project)
    texts[-1] = "zz-made-x[all]"
    return old, (f"{word} zz-made-x[all]", f"{word} zz-made-x")


def moved_to_another_set(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    project["extras"].setdefault("viz", []).append("zz-made-x")
    old = deepcopy(project)
    project["extras"]["viz"].remove("zz-made-x")
    project["groups"].setdefault("viz", []).append("zz-made-x")
    return old, ("extra viz: zz-made-x", "group viz: zz-made-x")


def new_set(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    kind, word = draw(st.sampled_from([("extras", "extra"), ("groups", "group")]))
    old = deepcopy(project)
    project[kind]["fresh"] = []
    return old, (f"{word} fresh",)


def included_group(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    project["groups"]["inner"] = ["zz-made-inner"]
    project["groups"]["outer"] = []
    old = deepcopy(project)
    project["groups"]["outer"] = [{"include-group": "inner"}]
    return old, ("group outer: zz-made-inner",)


def member_of_an_included_group(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    project["groups"]["inner"] = ["zz-made-inner"]
    project["groups"]["outer"] = [{"include-group": "inner"}]
    old = deepcopy(project)
    project["groups"]["inner"] = ["zz-made-inner<2"]
    return old, (
        "group inner: zz-made-inner<2",
        "group outer: zz-made-inner<2",
        "group outer: zz-made-inner",
    )


def new_index(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    old = deepcopy(project)
    position = draw(st.integers(0, len(project["indexes"])))
    packages = draw(st.sampled_from([[], ["other-*"]]))
    project["indexes"].insert(
        position, {"name": "new", "url": "https://new.example/simple", "packages": packages}
    )
    return old, ("index new https://new.example/simple",)


def another_index_url(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    project["indexes"].append(
        {"name": "x", "url": "https://x.example/a", "packages": draw(patterns)}
    )
    old = deepcopy(project)
    project["indexes"][-1]["url"] = "https://x.example/b"
    return old, ("index x https://x.example/a", "index x https://x.example/b")


def another_claim(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    project["indexes"].append(
        {"name": "x", "url": "https://x.example/a", "packages": draw(patterns)}
    )
    old = deepcopy(project)
    project["indexes"][-1]["packages"] = ["zz-made-claimed"]
    return old, ("index x https://x.example/a only zz-made-claimed",)


def order_of_open_indexes(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    pair: list[dict[str, Any]] = [
        {"name": name, "url": f"https://{name}.example/s", "packages": []} for name in ("p", "q")
    ]
    project["indexes"] += pair
    old = deepcopy(project)
    project["indexes"][-2:] = reversed(pair)
    return old, ("index p https://p.example/s", "index q https://q.example/s")


def another_platform(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    name = draw(st.sampled_from(["windows-arm64", "linux-x86_64-glibc2.28"]))
    if "glibc" in name:  # a machine is listed once
        project["platforms"] = [each for each in project["platforms"] if each != "linux-x86_64"]
    old = deepcopy(project)
    project["platforms"].append(name)
    return old, (f"platform {name}",)


def platform_gone(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    project["platforms"].append("macos-x86_64")
    old = deepcopy(project)
    project["platforms"].remove("macos-x86_64")
    return old, ("platform macos-x86_64",)


def another_python(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    old = deepcopy(project)
    project["python"] = "3.12"
    return old, ("python ==3.12.*",)


def another_range_of_pythons(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    project["python"] = None
    old = deepcopy(project)
    project["requires-python"] = ">=3.10.1"
    return old, ("python >=3.10.1",)


def another_day(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    old = deepcopy(project)
    project["exclude-newer"] = "2026-11-02"
    return old, ("exclude-newer 2026-11-02",)


def another_resolver(draw: st.DrawFn, project: Project) -> tuple[Project, Sequence[str]]:
    old = deepcopy(project)
    project["resolver"] = "uv" if old["resolver"] == "pip-tools" else "pip-tools"
    return old, ("resolver uv", "resolver pip-tools")


CHANGES = (
    new_requirement,
    requirement_gone,
    another_specifier,
    another_marker,
    another_extra_of_it,
    moved_to_another_set,
    new_set,
    included_group,
    member_of_an_included_group,
    new_index,
    another_index_url,
    another_claim,
    order_of_open_indexes,
    another_platform,
    platform_gone,
    another_python,
    another_range_of_pythons,
    another_day,
    another_resolver,
)


@st.composite
def different(draw: st.DrawFn, change: Change) -> tuple[Manifest, Manifest, Sequence[str]]:
    """Draw a project as it was and as it is, each in a style of its own, and the lines to be named."""
    project = draw(projects())
    old, lines = change(draw, project)
    return read(draw_text(draw, old)), read(draw_text(draw, project)), lines


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_can_change_a_resolution_is_named(change: Change) -> None:
    @settings(deadline=None, max_examples=12)
    @given(different(change))
    def named(drawn: tuple[Manifest, Manifest, Sequence[str]]) -> None:
        is_named(*drawn)

    named()


def is_named(before: Manifest, after: Manifest, lines: Sequence[str]) -> None:
    assert inputs_of(before) != inputs_of(after)
    assert not answers(locked(before), after)
    found = [each for each in check(after, locked(before)) if each.code == "lock-stale"]
    messages = [each.message for each in found]
    for line in lines:
        assert any(line in message for message in messages), messages
    kinds = {line.split()[0] for line in lines}
    assert all(each.subject.split()[0] in kinds for each in found)  # and nothing else is
    assert all(each.fix == "envctl lock" and "pyproject.toml" in each.message for each in found)


PROFILES = """\
[project]
name = "demo"
dependencies = ["zz-made-a"]
[project.optional-dependencies]
viz = ["zz-made-b"]
[tool.envctl]
platforms = ["linux-x86_64", "macos-arm64"]
[tool.envctl.profiles.gpu]
torch = "cu126"
dependencies = ["zz-made-c"]
extras = []
env = { PYTHONHASHSEED = "1" }
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('torch = "cu126"', 'torch = "cu128"', "index pytorch-cu128 "),
        ('["zz-made-c"]', '["zz-made-c<2"]', "requires zz-made-c<2"),
        ('["zz-made-c"]', '[]\nconstraints = ["zz-made-a<2"]', "constraint zz-made-a<2"),
        ("env = ", 'platforms = ["linux-aarch64"]\nenv = ', "platform linux-aarch64"),
        (
            "env = ",
            'index = [{ name = "own", url = "https://own.example/simple" }]\nenv = ',
            "index own https://own.example/simple",
        ),
        ("extras = []", 'extras = ["viz"]', None),
        ('"1" }', '"2" }', None),
        ("env = ", "gpu = { count = 2 }\nenv = ", None),
    ],
)
def test_a_profile_has_inputs_of_its_own(old: str, new: str, line: str | None) -> None:
    (before,) = variants(read(PROFILES))
    (after,) = variants(read(PROFILES.replace(old, new)))
    fresh = [each for each in inputs_of(after) if each not in inputs_of(before)]
    assert [each.startswith(line) for each in fresh] == [True] if line else fresh == []


def test_patterns_of_names_are_names_in_any_spelling() -> None:
    text = (
        '[[tool.envctl.index]]\nname = "own"\nurl = "https://own.example/simple"\npackages = [{}]\n'
    )
    (one,), (other,) = (
        read(text.format(each)).indexes for each in ('"Acme_*", "X.y"', '"acme-*", "x-y"')
    )
    assert one == other
    for bad in ('"a b"', '""', '"a/b"'):
        with pytest.raises(ManifestError, match="not a pattern"):
            read(text.format(bad))


def test_two_spellings_of_one_extra_are_refused() -> None:
    with pytest.raises(ManifestError, match="two extras are named `a-b`"):
        read('[project.optional-dependencies]\na_b = ["zz-made-a"]\n"A.b" = ["zz-made-b"]\n')


def test_the_closest_claim_counts_in_whatever_order() -> None:
    wide = Index(name="p", url="https://p.example/s", packages=("acme-*",))
    close = Index(name="q", url="https://q.example/s", packages=("acme-gpu",))
    open_ = Index(name="o", url="https://o.example/s")
    for indexes in permutations((wide, close, open_)):
        assert claimant(indexes, "acme-gpu") is close
        assert claimant(indexes, "acme-cpu") is wide
        assert claimant(indexes, "acme") is None
        assert inputs_of(Manifest(indexes=indexes)) == inputs_of(
            Manifest(indexes=(open_, close, wide))
        )


def test_the_projects_own_name_in_its_dependencies_means_its_extras() -> None:
    found = read(
        '[project]\nname = "Demo"\ndependencies = ["demo[viz]", "zz-made-a"]\n'
        '[project.optional-dependencies]\nviz = ["zz-made-b"]\n'
    )
    assert found.dependencies == ("zz-made-b", "zz-made-a")


def test_a_moment_is_one_input_in_both_spellings() -> None:
    texts = ("2026-11-01T12:00:00Z", '"2026-11-01T12:00:00Z"', '"2026-11-01T12:00:00+00:00"')
    assert len({inputs_of(read(f"[tool.envctl]\nexclude-newer = {text}\n")) for text in texts}) == 1
