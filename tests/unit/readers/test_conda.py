"""conda's environment.yml: each line is carried over, or there is a note."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envctl.errors import ManifestError
from envctl.readers.conda.specs import parse_spec, specifier
from envctl.readers.poetry.version_ranges import ConstraintError
from tests.unit.readers.imports import ASSETS, comments, read, required, said

ENVIRONMENT = """
name: ldm
channels:
  - pytorch
  - https://conda.example/t/tk-123-s3cret/private
dependencies:
  # the interpreter
  - python=3.11.5
  - pip=20.3
  - cudatoolkit=11.3
  - pytorch=1.11.0=py3.8_cuda11.3_cudnn8.2.0_0
  - conda-forge::torchvision=0.12.0
  - "numpy >=1.19, <2"   # arrays
  - scipy==1.10.1
  - pandas=1.5|2.0
  - matplotlib-base
  - pytz=2023c
  - libfoo=3
  - _libgcc_mutex=0.1=main
  - certifi=2024.7.4=pyhd8ed1ab_0
  - sel(linux): cupy
  - pip:
    - albumentations==0.4.3
    - pudb[x]==2019.2 ; python_version < "3.12"  # debug
    - -e git+https://git.example/taming.git@master#egg=taming
    - --extra-index-url https://ann:s3cret@index.example/simple
    - -r more/requirements.txt
    - -e .
variables:
  CUDA_VISIBLE_DEVICES: 2
  API_TOKEN: s3cret
  2bad: x
  PYTHONHASHSEED: 010
  LISTED: [a]
  DATABASE: postgres://ann:s3cret@db.example/x
  WANDB_API_KEY: s3cret
prefix: /home/ann/miniconda3/envs/ldm
wat: 1
"""
MORE = "six\n"


def test_packages_get_the_names_and_versions_of_an_index() -> None:
    found = read("environment.yml", ENVIRONMENT, more_of_requirements__txt=MORE)
    assert required(found) == [
        "torch==1.11.0",
        "torchvision==0.12.0.*",
        "numpy>=1.19,<2",
        "scipy==1.10.1",
        "pandas",
        "matplotlib",
        "pytz",
        "certifi==2024.7.4",
        "albumentations==0.4.3",
        'pudb[x]==2019.2 ; python_version < "3.12"',
        "taming @ git+https://git.example/taming.git@master",
        "six",
    ]
    assert found.name == "ldm"
    assert found.python == "3.11"
    assert [index.url for index in found.indexes] == ["https://index.example/simple"]


def test_variables_are_carried_as_they_are_written_but_for_secrets() -> None:
    found = read("environment.yml", ENVIRONMENT, more_of_requirements__txt=MORE)
    assert found.env == (("CUDA_VISIBLE_DEVICES", "2"), ("PYTHONHASHSEED", "010"))
    assert "s3cret" not in repr(found)


def test_what_is_not_carried_over_is_said_with_its_line() -> None:
    notes = said(read("environment.yml", ENVIRONMENT, more_of_requirements__txt=MORE))
    for line in (
        "environment.yml:8 python = 3.11: write 3.11.5",
        "environment.yml:9 `pip=20.3`: envctl installs",
        "environment.yml:10 `cudatoolkit=11.3`: CUDA comes with the wheels",
        "environment.yml:11 `torch` without its build `py3.8_cuda11.3_cudnn8.2.0_0`",
        "environment.yml:15 `pandas` is carried over without its version `=1.5|2.0`",
        "environment.yml:17 `pytz` is carried over without its version `=2023c`",
        "environment.yml:18 `libfoo=3`: not mapped",
        "environment.yml: dependencies left out (`_libgcc_mutex`)",
        "environment.yml: dependencies builds are conda's own, the version is kept: `certifi=pyhd8ed1ab_0`",
        "environment.yml: dependencies the channel `conda-forge` is left out for `torchvision`",
        "environment.yml:21 `sel(linux)` is not read",
        "environment.yml:4 channels left out (`pytorch`, `conda.example`)",
        "environment.yml:25 `taming` will not be editable",
        "environment.yml:26 the user name or password",
        "environment.yml:28 `-e .`: the project itself",
        "environment.yml:31 `API_TOKEN` is left out: it is a secret by its name",
        "environment.yml:32 `2bad` is left out: that is no name",
        "environment.yml:34 `LISTED` has no text",
        "environment.yml:35 `DATABASE` is left out: its value holds a user name",
        "environment.yml:36 `WANDB_API_KEY` is left out: it is a secret by its name",
        "environment.yml:37 `prefix` means something on one machine",
        "environment.yml:38 `wat` is not read",
    ):
        assert line in notes
    assert "/home/ann" not in notes


def test_comments_and_lines_left_out_stay_in_sight() -> None:
    found = read("environment.yml", ENVIRONMENT, more_of_requirements__txt=MORE)
    kept = comments(found)
    for line in ("the interpreter", "arrays", "debug", "(environment.yml:18): libfoo=3"):
        assert line in kept


def test_a_newline_in_a_text_cannot_break_a_comment() -> None:
    found = read("environment.yml", 'dependencies:\n- "x\\n[evil]\\u2028y"\n')
    (line,) = found.requirements[0].above
    assert "\n" not in line
    assert "\u2028" not in line


@pytest.mark.parametrize("name", ["stable-diffusion.environment.yaml", "exported.environment.yml"])
def test_of_a_real_environment_every_line_is_carried_over_or_noted(name: str) -> None:
    text = (ASSETS / name).read_text(encoding="utf-8")
    found = read(f"env/{name}", text)
    notes = said(found)
    carried = {canonicalize_name(re.split(r"[\[=<>! @]", each)[0]) for each in required(found)}
    listed = re.findall(r"^ *- (?!pip:)(.*?)$", text.partition("dependencies:")[2], re.MULTILINE)
    assert len(listed) > 20
    renamed = _table()["renamed"]
    for line in listed:
        name = re.split(r"[=<>]", line)[0].strip()
        plain = canonicalize_name(re.split(r"egg=", line)[-1] if "egg=" in line else name)
        known = renamed.get(plain, plain) in carried or (plain == "python" and found.python)
        assert known or f"`{name}" in notes, line
    assert "torch" in carried
    assert "ffmpeg" not in carried


def test_the_table_says_one_thing_of_each_name() -> None:
    data = _table()
    others = [name for row in data["other"] for name in row["names"]]
    names = [*data["same"], *data["renamed"], *others, *data["parts"]["names"]]
    assert len(names) == len(set(names))
    assert all(name == canonicalize_name(name) for name in names)
    assert re.fullmatch(r"\d{4}-\d\d", data["date"])
    assert data["source"]


def _table() -> Any:
    return json.loads(files("envctl").joinpath("data/conda.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("numpy", "numpy", ""),
        ("numpy=1.26", "numpy", "==1.26.*"),
        ("numpy==1.26", "numpy", "==1.26"),
        ("numpy=1.26.*", "numpy", "==1.26.*"),
        ("numpy 1.26*", "numpy", "==1.26.*"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy", "==1.26.4"),
        ("numpy 1.26.4 py311_0", "numpy", "==1.26.4"),
        ("numpy >=1, <2", "numpy", ">=1,<2"),
        ("numpy>=1.2.*", "numpy", ">=1.2"),
        ("numpy!=1.2.*", "numpy", "!=1.2.*"),
        ("numpy~=1.2", "numpy", "~=1.2"),
        ("numpy=1.26|1.27", "numpy", ">=1.26,<=1.27"),
        ("numpy=1.26rc1", "numpy", "==1.26rc1"),
        ("numpy=*=py39*", "numpy", ""),
        ("conda-forge/linux-64::numpy=1", "numpy", "==1.*"),
        ("numpy[version='>=2.0,<2.2',build=cuda*]", "numpy", ">=2.0,<2.2"),
    ],
)
def test_specifications(text: str, name: str, wanted: str) -> None:
    spec = parse_spec(text)
    assert (spec.name, specifier(spec.version)) == (name, wanted)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=3), st.sampled_from(["=", "==", ">=", "<"]))
def test_a_version_means_the_same_on_an_index(parts: list[int], operator: str) -> None:
    text = ".".join(map(str, parts))
    wanted = SpecifierSet(specifier(parse_spec(f"x{operator}{text}").version))
    for version in ("0.1", "1.0", "1.2.3", "2", "2.0.1", "3.3.3"):
        release = [int(part) for part in version.split(".")]
        padded = release + [0] * (3 - len(release))
        bound = parts + [0] * (3 - len(parts))
        meant = {
            "=": padded[: len(parts)] == parts,
            "==": padded == bound,
            ">=": padded >= bound,
            "<": padded < bound,
        }[operator]
        assert wanted.contains(version) == meant


@given(st.text(st.sampled_from("numpy=<>!~|,.*[]()' 1290:\n"), max_size=30) | st.text(max_size=30))
def test_any_text_is_a_specification_or_refused(text: str) -> None:
    try:
        SpecifierSet(specifier(parse_spec(text).version))
    except ConstraintError:
        return


def nested(depth: int) -> str:
    return "dependencies: " + "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("dependencies: [a\n", "not YAML", "environment.yml:2"),
        ("- a\n", "expected `key: value` lines", "environment.yml:1"),
        ("name: x\n", "it has no `dependencies`", "environment.yml"),
        ("dependencies: x\n", "expected a list", "environment.yml: dependencies"),
        ("dependencies:\n- pip: x\n", "expected a list", "environment.yml:2: pip"),
        ("dependencies:\n- pip:\n  - [x]\n", "one requirement on each line", "environment.yml:3"),
        ("dependencies:\n- pip:\n  - x\n  - =>1\n", "is not a requirement", "environment.yml:4"),
        ("a: \x00\n", "not YAML", "environment.yml"),
        ("a: \ud800\n", "not YAML", "environment.yml"),
        ("a: *b\n", "not YAML", "environment.yml:1"),
        (nested(100_000), "nested too deeply", "environment.yml:1"),
        ("a: &a [x]\nb: [" + "*a," * 200 + "]\n", "too many aliases", "environment.yml:2"),
    ],
)
def test_what_is_broken_is_an_error_with_its_line(text: str, message: str, where: str) -> None:
    with pytest.raises(ManifestError, match=message) as info:
        read("environment.yml", text)
    assert info.value.where == where
    assert info.value.hint


def test_tags_make_no_objects(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    call = f"!!python/object/apply:os.system ['touch {touched}']"
    found = read("environment.yml", f"name: {call}\ndependencies: [numpy, {call}]\n")
    assert required(found) == ["numpy"]
    assert not touched.exists()


def test_a_list_that_holds_itself_ends() -> None:
    found = read("environment.yml", "dependencies: &a [numpy, *a]\n")
    assert required(found) == ["numpy"]


def test_an_empty_list_of_dependencies_is_one() -> None:
    assert required(read("environment.yml", "dependencies:\n")) == []


@pytest.mark.parametrize(
    ("line", "python", "allowed"),
    [
        ("python=3.10", "3.10", None),
        ("python 3.9.*", "3.9", None),
        ("python==3.12.1", "3.12", None),
        ("python>=3.9,<3.12", None, ">=3.9,<3.12"),
        ("python=3", None, "==3.*"),
        ("python", None, None),
        ("python=3.8|3.9", None, ">=3.8,<=3.9"),
        ("python=x", None, None),
    ],
)
def test_the_python_of_an_environment(line: str, python: str | None, allowed: str | None) -> None:
    found = read("environment.yml", f"dependencies:\n- {line}\n")
    assert (found.python, found.requires_python) == (python, allowed)
    assert required(found) == []
