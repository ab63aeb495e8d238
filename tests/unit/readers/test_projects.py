"""Which file is read by which reader, and that none of them breaks on any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from envctl.domain.imported import Imported
from envctl.errors import ManifestError
from envctl.readers.projects import READERS, read_project
from tests.unit.readers import test_conda, test_pdm, test_pipfile, test_poetry, test_setup_cfg
from tests.unit.readers.imports import read, required

SCRIPT = """
A = ['six']
A.append('attrs')
setup(install_requires=A, extras_require={'x': A}, python_requires='>=3.9')
"""
REQUIREMENTS = """
six  # why
-i https://ann:pw@index.example/simple
attrs==1 ; os_name == 'nt'
"""
SAMPLES = {
    "environment.yml": test_conda.ENVIRONMENT,
    "Pipfile": test_pipfile.PIPFILE,
    "pyproject.toml": test_poetry.PROJECT + test_pdm.PROJECT,
    "setup.cfg": test_setup_cfg.CONFIG,
    "setup.py": SCRIPT,
    "requirements.txt": REQUIREMENTS,
}


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", "requirements/dev.in", "reqs.pip", "constraints", "requirements.TXT"],
)
def test_a_requirements_file_may_have_any_name(name: str) -> None:
    assert required(read(name, "six\n")) == ["six"]


@pytest.mark.parametrize("name", ["environment.yaml", "envs/gpu.yml", "conda.YML"])
def test_an_environment_may_have_any_name(name: str) -> None:
    assert required(read(name, "dependencies: [numpy]\n")) == ["numpy"]


@pytest.mark.parametrize(
    "name",
    ["uv.lock", "poetry.lock", "sub/Pipfile.lock", "pdm.lock", "pylock.toml", "pylock.a.toml"],
)
def test_a_lock_is_no_manifest(name: str) -> None:
    with pytest.raises(ManifestError, match="a lock does not say") as info:
        read(name, "")
    assert "keeps the lock's versions" in (info.value.hint or "")


@pytest.mark.parametrize("name", ["data.json", "train.py", "Cargo.toml", "yarn.lock"])
def test_other_files_are_refused_with_the_names_of_those_that_are_read(name: str) -> None:
    with pytest.raises(ManifestError, match="not a file that envctl can make") as info:
        read(name, "")
    assert "`Pipfile`" in (info.value.hint or "")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ManifestError, match=r"there is no file `gone\.txt`"):
        read_project("gone.txt", lambda _: None)


def test_a_pyproject_without_another_tools_words_has_nothing_to_import() -> None:
    assert read("pyproject.toml", "[project]\nname = 'x'\n") == Imported()


def test_every_reader_has_a_sample_here() -> None:
    assert SAMPLES.keys() == READERS.keys()


def attempt(name: str, text: str) -> tuple[Imported | None, ManifestError | None]:
    try:
        return read(name, text), None
    except ManifestError as error:
        return None, error


def check(name: str, text: str) -> None:
    found, refusal = attempt(name, text)
    if found is None:
        assert refusal is not None
        assert refusal.where
        assert refusal.hint
        return
    for entries in (found.requirements, *(each.entries for each in found.sections)):
        for entry in entries:
            assert entry.text is None or Requirement(entry.text).name
            for line in (*entry.above, entry.comment):
                assert "\n" not in line
                assert "\r" not in line


@given(st.sampled_from([*READERS]), st.integers(0, 1500), st.integers(0, 60), st.text(max_size=8))
def test_any_damage_is_read_or_refused(name: str, place: int, length: int, more: str) -> None:
    text = SAMPLES[name]
    check(name, text[:place] + more + text[place + length :])


@given(st.sampled_from([*READERS]), st.text(max_size=60))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    check(name, text)
