"""`[tool.envctl.build.NAME]` and `[build-system]`."""

import pytest

from envctl.domain.build import (
    NEEDS,
    PROJECT,
    BuildSettings,
    BuildSystem,
    input_lines,
    parse_build_system,
    parse_builds,
)
from envctl.errors import ManifestError


def test_a_table_is_read_and_normalised() -> None:
    found = parse_builds(
        {
            "build": {
                "Flash_Attn": {
                    "isolation": False,
                    "requires": ["Ninja", "setuptools <80"],
                    "dependencies": ["torch", "einops"],
                    "env": {"MAX_JOBS": "4"},
                    "needs": ["nvcc", "c++"],
                },
                ".": {},
            }
        }
    )
    assert found["flash-attn"] == BuildSettings(
        isolation=False,
        requires=("ninja", "setuptools<80"),
        dependencies=("torch", "einops"),
        env={"MAX_JOBS": "4"},
        needs=("c++", "nvcc"),
    )
    assert found[PROJECT] == BuildSettings()


@pytest.mark.parametrize(
    ("table", "where", "said"),
    [
        ({"a": {"isolated": False}}, "tool.envctl.build.a.isolated", "isolation"),
        ({"a": {"isolation": "no"}}, "tool.envctl.build.a.isolation", "true or false"),
        ({"a": {"requires": ["x=="]}}, "tool.envctl.build.a.requires[0]", "not a requirement"),
        ({"a": {"needs": ["c", "fortran"]}}, "tool.envctl.build.a.needs[1]", "fortran"),
        ({"a": {"env": {"A B": "1"}}}, "tool.envctl.build.a.env.A B", "not a name"),
        ({"a": {"env": {"HF_TOKEN": "1"}}}, "tool.envctl.build.a.env.HF_TOKEN", "secret"),
        ({"a": [1]}, "tool.envctl.build.a", "a table"),
        ({"a.b": {}, "a-b": {}}, "tool.envctl.build.a-b", "twice"),
        (
            {"a": {"requires": ["x @ https://me:pw@index.example/x.whl"]}},
            "tool.envctl.build.a.requires[0]",
            "user name or password",
        ),
    ],
)
def test_what_is_wrong_is_named(table: object, where: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_builds({"build": table})
    assert caught.value.where == where
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_no_build_system_means_setuptools_as_pep_517_has_it() -> None:
    found = parse_build_system({})
    assert found.backend == "setuptools.build_meta:__legacy__"
    assert found.requires == ("setuptools>=40.8.0", "wheel")
    assert parse_build_system({"build-system": {"requires": ["flit"]}}) == BuildSystem(
        requires=("flit",), backend=found.backend
    )


def test_a_build_system_without_requirements_has_none() -> None:
    table = {"requires": [], "build-backend": "backend", "backend-path": ["in_tree"]}
    assert parse_build_system({"build-system": table}) == BuildSystem(
        requires=(), backend="backend", backend_path=("in_tree",)
    )


def test_whatever_changes_a_lock_is_a_line_of_its_inputs() -> None:
    plain = {"a": BuildSettings()}
    changed = [
        BuildSettings(isolation=False),
        BuildSettings(requires=("b",)),
        BuildSettings(dependencies=()),
        BuildSettings(dependencies=("b",)),
        BuildSettings(env={"X": "1"}),
        BuildSettings(needs=()),
        BuildSettings(needs=NEEDS),
    ]
    lines = [tuple(input_lines({"a": each})) for each in changed]
    assert tuple(input_lines(plain)) == ()
    assert len(set(lines)) == len(changed)
    assert all(line.startswith("build a: ") for each in lines for line in each)
