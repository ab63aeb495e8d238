"""``.envctl/local.toml``: which paths ``env-file`` names, and what they mean."""

from typing import Any

import pytest

from envctl.domain.manifest.local import parse_local
from envctl.errors import ManifestError
from envctl.usecases import load
from tests.in_memory import InMemoryProject


@pytest.mark.parametrize(
    ("value", "paths"), [(".env", (".env",)), (["a", "~/b"], ("a", "~/b")), ([], ())]
)
def test_a_path_or_a_list_of_them(value: Any, paths: tuple[str, ...]) -> None:
    assert parse_local({"env-file": value}).env_files == paths


@pytest.mark.parametrize(
    "value", [1, True, {"a": "b"}, ["a", 1], "", " ", ["a", ""], "a\0b", "a\nb"]
)
def test_anything_else_is_refused_with_its_key(value: Any) -> None:
    with pytest.raises(ManifestError) as refused:
        parse_local({"env-file": value})
    assert str(refused.value.where).startswith("env-file")
    assert refused.value.hint


def test_a_near_miss_is_named() -> None:
    with pytest.raises(ManifestError) as refused:
        parse_local({"env_file": ".env"})
    assert refused.value.hint == "did you mean `env-file`?"


def test_a_secret_that_is_no_string_is_not_repeated() -> None:
    with pytest.raises(ManifestError) as refused:
        parse_local({"env": {"API_KEY": 31337}})
    assert "31337" not in f"{refused.value.message}{refused.value.hint}"


def read(
    value: Any, files: dict[str, str], home: str | None = "/home/ana"
) -> tuple[tuple[str, ...], dict[str, str]]:
    environ = {} if home is None else {"HOME": home}
    return load.env_files(InMemoryProject(files), parse_local({"env-file": value}), environ)


def test_paths_are_seen_from_the_project_the_home_folder_or_the_root() -> None:
    files = {"/project/.env": "A=1\nB=1\nC=1", "/home/ana/b": "B=2\nC=2", "/etc/c": "C=3"}
    paths, found = read([".env", "~/b", "/etc/c"], files)
    assert paths == ("/project/.env", "/home/ana/b", "/etc/c")
    assert found == {"A": "1", "B": "2", "C": "3"}  # the later file counts more
    assert read(["/etc/c", ".env"], files)[1]["C"] == "1"
    assert read("~/b", {"/b": "A=1"}, home="/")[0] == ("/b",)


def test_a_file_that_is_not_there_is_an_error_that_names_it_twice() -> None:
    with pytest.raises(ManifestError) as refused:
        read("~/b", {})
    assert "`~/b` is not there" in refused.value.message
    assert "/home/ana/b" in str(refused.value.where)
    assert str(refused.value.where).startswith(".envctl/local.toml: env-file")


@pytest.mark.parametrize(
    ("path", "home"), [("~/b", None), ("~/b", ""), ("~/b", "ana"), ("~ana/b", "/home/ana")]
)
def test_a_home_that_is_not_known_is_not_guessed(path: str, home: str | None) -> None:
    with pytest.raises(ManifestError) as refused:
        read(path, {"/home/ana/b": "A=1", "~ana/b": "A=1", "/b": "A=1"}, home)
    assert refused.value.hint == "write the whole path"
