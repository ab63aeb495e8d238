"""``run --explain``: readable, one row to a line, and without any secret."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.environment.activation import Activation, declared
from envctl.domain.environment.explanation import Explanation
from envctl.emitters.explanation import remarks, table, text
from envctl.usecases.run import explain, patch

SLURM = {"SLURM_JOB_ID": "7"}
SECRET = "hunter2"


def entered(**files: dict[str, str]) -> Activation:
    variables = declared(files.pop("manifest", {}), **files)
    return Activation(environment="/e", variables=variables)


def rows(found: Explanation) -> list[str]:
    own = ("PATH", "PKG_CONFIG_PATH", "VIRTUAL_ENV")
    return [line for line in text(found).splitlines() if not line.startswith(own)]


def test_each_word_is_named_strongest_first() -> None:
    active = entered(
        manifest={"CUDA_VISIBLE_DEVICES": "2", "SEED": "0"},
        profile={"CUDA_VISIBLE_DEVICES": "3"},
        local={"CUDA_VISIBLE_DEVICES": "4"},
    )
    caller = {"CUDA_VISIBLE_DEVICES": "", "SEED": "9", "PATH": "/bin"}
    assert rows(explain(active, caller, {"NEW": "a b"})) == [
        'CUDA_VISIBLE_DEVICES  caller            ""',
        "                        not local.toml  4",
        "                        not profile     3",
        "                        not manifest    2",
        "NEW                   command line      a b",
        "SEED                  manifest          0",
        "                        not caller      9",
    ]


def test_a_job_says_whose_devices_they_are() -> None:
    found = explain(entered(manifest={"CUDA_VISIBLE_DEVICES": "2"}), SLURM)
    assert "scheduler (slurm)  (unset)" in rows(found)[0]
    assert any("in a job of slurm" in each for each in remarks(found))
    assert not any("job" in each for each in remarks(explain(entered(manifest={"A": "2"}), SLURM)))


def test_an_environment_that_is_active_says_so() -> None:
    active = entered(manifest={"CUDA_VISIBLE_DEVICES": "2", "SEED": "0"})
    inside = explain(active, patch(active, {"PATH": "/bin"}))
    assert [each for each in inside.variables if each.over and each.source != "caller"] == []
    assert any("is active already" in each for each in remarks(inside))


def test_isolated_lists_all_that_there_is() -> None:
    caller = {"HOME": "/h", "MINE": "x", "https_proxy": f"http://me:{SECRET}@proxy:1"}
    found = explain(entered(), caller, isolated=True)
    names = {each.name for each in found.variables}
    assert names == patch(entered(), caller, isolated=True).keys()
    assert "isolated: 1 other variables of yours are left out" in remarks(found)
    assert SECRET not in text(found) + json.dumps(table(found))


@pytest.mark.parametrize(
    ("files", "caller", "cli"),
    [
        ({"env_file": {"SEED": SECRET}}, {}, {}),
        ({"env_file": {"SEED": SECRET}, "local": {"SEED": "1"}}, {}, {}),
        ({"env_file": {"SEED": SECRET}}, {"SEED": SECRET}, {}),
        ({"env_file": {"CUDA_VISIBLE_DEVICES": SECRET}}, {"CUDA_VISIBLE_DEVICES": SECRET}, {}),
        ({"env_file": {"SEED": "1"}}, {}, {"SEED": SECRET}),
        ({"local": {"HF_TOKEN": SECRET}}, {}, {}),
        ({"local": {"DATABASE_URL": f"postgres://ana:{SECRET}@db/x"}}, {}, {}),
        ({}, {}, {"HF_TOKEN": SECRET}),
        ({}, {"HF_TOKEN": SECRET}, {"HF_TOKEN": "other"}),
        ({"local": {"API_KEY": "x"}}, {"API_KEY": SECRET}, {}),
    ],
)
def test_no_secret_is_shown_whoever_won(
    files: dict[str, dict[str, str]], caller: dict[str, str], cli: dict[str, str]
) -> None:
    found = explain(entered(**files), caller, cli)
    assert SECRET not in text(found) + json.dumps(table(found)) + repr(found)
    assert "(secret)" in text(found)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_value_keeps_to_its_line_and_steers_no_terminal(value: str) -> None:
    found = explain(entered(local={"SEED": value}), {})
    [row] = rows(found)[:1]
    shown = row.split(maxsplit=2)[2]
    assert shown.isprintable()
    # Nothing else looks the same: what was not plain can be read back.
    if shown.startswith('"'):
        assert shown.endswith('"')
        plain = shown[1:-1].encode("ascii", "backslashreplace").decode("unicode-escape")
        assert plain == value
    else:
        assert shown == value
        assert shown not in ("(secret)", "(unset)")


def test_data_says_unset_and_secret_apart() -> None:
    active = entered(manifest={"CUDA_VISIBLE_DEVICES": "2"}, local={"HF_TOKEN": SECRET})
    whole = table(explain(active, SLURM))
    found = {each["name"]: each for each in whole["variables"]}
    assert found["CUDA_VISIBLE_DEVICES"] == {
        "name": "CUDA_VISIBLE_DEVICES",
        "source": "scheduler",
        "value": None,
        "set": False,
        "secret": False,
        "over": [{"source": "manifest", "value": "2", "set": True, "secret": False}],
    }
    assert found["HF_TOKEN"]["value"] is None
    assert (found["HF_TOKEN"]["set"], found["HF_TOKEN"]["secret"]) == (True, True)
    assert whole["scheduler"] == "slurm"
