import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.runs.description import RunDescription
from envctl.domain.runs.reading import claims, from_json
from envctl.errors import DescriptionError
from tests.unit.domain.made_runs import ANY, WHOLE


@given(ANY)
def test_what_is_written_is_read_back(run: RunDescription) -> None:
    assert from_json(json.loads(json.dumps(run.to_json()))) == run


@given(ANY)
def test_every_key_is_always_there(run: RunDescription) -> None:
    written, whole = run.to_json(), WHOLE.to_json()
    assert list(written) == list(whole)
    for key in ("environment", "machine"):
        assert list(written[key]) == list(whole[key])


def test_what_describe_prints_is_read_as_well() -> None:
    printed = {"schema": 1, "command": "describe", "ok": True, "result": WHOLE.to_json()}
    assert from_json(printed) == WHOLE


def test_a_later_envctl_may_add_keys() -> None:
    data = WHOLE.to_json() | {"weather": "fair"}
    data["environment"]["mood"] = ["good"]
    data["gpus"][0]["price"] = 3
    assert from_json(data) == WHOLE


def without(*path: str) -> Any:
    return changed(path, None, gone=True)


def changed(path: tuple[str | int, ...], value: object, *, gone: bool = False) -> Any:
    data: Any = json.loads(json.dumps(WHOLE.to_json()))
    place = data
    for key in path[:-1]:
        place = place[key]
    if gone:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        (changed(("schema",), 2), "schema", "schema 2, this envctl reads up to 1"),
        (changed(("schema",), 10**30), "schema", "reads up to 1"),
        (changed(("schema",), "1"), "schema", "found a string"),
        (changed(("schema",), True), "schema", "found a boolean"),
        (changed(("schema",), -1), "schema", "integer of at least 0"),
        (without("schema"), "schema", "missing"),
        (without("time"), "time", "missing"),
        (without("envctl"), "envctl", "missing"),
        (changed(("dirty",), 1), "dirty", "true or false"),
        (changed(("commit",), ["a"]), "commit", "expected a string"),
        (changed(("lock",), "pylock.toml"), "lock", "expected a table"),
        (without("lock", "digest"), "lock.digest", "missing"),
        (changed(("environment",), []), "environment", "expected a table"),
        (changed(("environment", "packages"), ["numpy"]), "environment.packages", "a table"),
        (
            changed(("environment", "packages", "numpy"), 2.1),
            "environment.packages.numpy",
            "expected a string",
        ),
        (changed(("environment", "groups"), "dev"), "environment.groups", "array of strings"),
        (changed(("machine", "id"), 7), "machine.id", "expected a string"),
        (changed(("gpus",), {}), "gpus", "array of tables"),
        (changed(("gpus", 0, "memory_bytes"), -1), "gpus[0].memory_bytes", "at least 0"),
        (changed(("gpus", 0, "name"), None), "gpus[0].name", "missing"),
        (changed(("variables",), None), "variables", "expected a table"),
        (changed(("variables", "HF_HOME", "class"), "sematic"), "variables.HF_HOME", "semantic"),
        (without("variables", "HF_HOME", "class"), "variables.HF_HOME.class", "missing"),
        (changed(("variables", "HF_HOME"), "x"), "variables.HF_HOME", "expected a table"),
    ],
)
def test_what_is_wrong_is_named(data: Any, where: str, words: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        from_json(data, "run.json")
    assert (caught.value.where or "").startswith(f"run.json: {where}")
    assert words in caught.value.message + (caught.value.hint or "")
    assert caught.value.hint


FOREIGN: tuple[Any, ...] = (
    *(None, 3, "envctl-run", [], ["envctl-run"], {}, {"kind": "else"}, {"kind": None}),
    *({"command": "describe"}, {"command": "describe", "result": None}),
    {"command": "record", "result": {"kind": "envctl-run"}},
)


@pytest.mark.parametrize("data", FOREIGN, ids=str)
def test_what_is_something_else_is_said_to_be(data: object) -> None:
    assert not claims(data)
    with pytest.raises(DescriptionError, match="no description of a run"):
        from_json(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
KEYS = st.sampled_from([key for key in WHOLE.to_json() if key != "kind"])


@given(KEYS, JSON)
def test_whatever_stands_under_a_key_is_read_or_refused(key: str, value: object) -> None:
    try:
        found = from_json(WHOLE.to_json() | {key: value}, "run.json")
    except DescriptionError as error:
        place = error.where or ""
    else:
        place, written = key, found.to_json()
        assert from_json(written) == found
    assert key in place
