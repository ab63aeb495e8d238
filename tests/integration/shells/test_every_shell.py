"""The variables in every real shell, through a real virtualenv: set, put back, nested, hostile, guarded."""

from pathlib import Path

import pytest

from envctl.domain.environment.activation import Activation, declared
from envctl.usecases.run import patch
from tests.integration.shells.stage import (
    DEVICES,
    HOSTILE,
    around,
    enter,
    evaluate,
    execute,
    fill,
    unalike,
)
from tests.integration.shells.steps import Dialect, Leave, Probe


@pytest.fixture
def built(shell: Dialect, built: list[Path], plain: list[Path]) -> list[Path]:
    """Give environments in the oddest place that the shell's script is written for."""
    return built if shell.ANY_PATH else plain


@pytest.mark.parametrize("label", list(HOSTILE))
def test_a_hostile_value_arrives_and_comes_back(
    shell: Dialect, label: str, built: list[Path], tmp_path: Path
) -> None:
    value = HOSTILE[label]
    link = fill(built[0], {"NEW": value, "OLD": "other"})
    said = execute(shell, around(enter(link)), tmp_path, {"OLD": value})
    assert said["inside"]["NEW"] == value
    assert said["inside"]["OLD"] == "other"
    assert said["after"]["OLD"] == value
    assert not unalike(said["before"], said["after"])
    assert not said.stderr


@pytest.mark.parametrize("label", list(HOSTILE))
def test_a_hostile_value_arrives_through_eval(
    shell: Dialect, label: str, built: list[Path], tmp_path: Path
) -> None:
    values = {"NEW": HOSTILE[label], "GITHUB_TOKEN": HOSTILE[label]}
    fill(built[0], {"NEW": "baked", "GONE": "baked"})
    said = execute(shell, around(evaluate(built[0], values, shell, tmp_path)), tmp_path)
    assert {name: said["inside"][name] for name in values} == values
    assert "GONE" not in said["inside"]
    assert not unalike(said["before"], said["after"])
    assert not said.stderr


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_bytes_do_not_depend_on_the_locale(
    shell: Dialect, locale: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": HOSTILE["emoji"], "B": HOSTILE["control"]})
    said = execute(shell, [enter(link), Probe(label="inside")], tmp_path, {"LC_ALL": locale})
    assert said["inside"]["A"] == HOSTILE["emoji"]
    assert said["inside"]["B"] == HOSTILE["control"]


def test_unset_empty_and_set_come_back_as_they_were(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    values = {"WAS_UNSET": "1", "WAS_EMPTY": "2", "WAS_SET": "3"}
    link = fill(built[0], values)
    before = {"WAS_EMPTY": "", "WAS_SET": "before"}
    said = execute(shell, around(enter(link)), tmp_path, before)
    assert {name: said["inside"][name] for name in values} == values
    assert [said["after"].get(name) for name in values] == [None, "", "before"]
    assert not unalike(said["before"], said["after"])


def test_activating_twice_keeps_the_outermost_state(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    values = {"A": "1", "B": "2"}
    link = fill(built[0], values)
    twice = [enter(link), evaluate(built[0], values, shell, tmp_path), enter(link)]
    said = execute(shell, around(*twice), tmp_path, {"A": "before"})
    assert (said["inside"]["A"], said["inside"]["B"]) == ("1", "2")
    assert said["inside"]["PATH"].split(":").count(f"{built[0]}/bin") == 1
    assert not unalike(said["before"], said["after"])


def test_another_project_inside_then_deactivate(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    one = fill(built[0], {"BOTH": "1", "FIRST": "1"})
    two = fill(built[1], {"BOTH": "2", "SECOND": "2"})
    steps = [
        Probe(label="before"),
        *(enter(one), Probe(label="one")),
        *(enter(two), Probe(label="two")),
        *(enter(one), Probe(label="again"), enter(two)),
        *(Leave(), Probe(label="after")),
    ]
    said = execute(shell, steps, tmp_path, {"BOTH": "", "FIRST": "mine"})
    assert (said["one"]["BOTH"], said["one"]["FIRST"]) == ("1", "1")
    assert (said["two"]["BOTH"], said["two"]["FIRST"], said["two"]["SECOND"]) == ("2", "mine", "2")
    assert not unalike(said["one"], said["again"])
    assert not unalike(said["before"], said["after"])


@pytest.mark.parametrize(
    "job", ["SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST", "PBS_JOBID", "LSB_JOBID"]
)
@pytest.mark.parametrize("given", [None, "", "5"])
def test_in_a_job_the_schedulers_devices_stay(
    shell: Dialect, job: str, given: str | None, built: list[Path], tmp_path: Path
) -> None:
    values = {DEVICES: "2", "PYTHONHASHSEED": "0"}
    link = fill(built[0], values)
    before = {job: "7", **({} if given is None else {DEVICES: given})}
    steps = [
        *(enter(link), Probe(label="plain"), Leave(), Probe(label="after")),
        *(evaluate(built[0], values, shell, tmp_path), Probe(label="eval")),
    ]
    said = execute(shell, steps, tmp_path, before)
    assert [said[at].get(DEVICES) for at in ("plain", "after", "eval")] == [given] * 3
    assert [said[at]["PYTHONHASHSEED"] for at in ("plain", "eval")] == ["0", "0"]


def test_outside_a_job_the_declared_devices_are_set_and_the_callers_come_back(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {DEVICES: "2"})
    said = execute(shell, around(enter(link)), tmp_path, {DEVICES: "0"})
    assert (said["inside"][DEVICES], said["after"][DEVICES]) == ("2", "0")


def test_the_link_leads_to_the_real_path(shell: Dialect, built: list[Path], tmp_path: Path) -> None:
    link = fill(built[0], {})
    said = execute(shell, [enter(link), Probe(label="inside")], tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(built[0])
    assert said["inside"]["PATH"].split(":")[0] == f"{built[0]}/bin"


def test_run_and_activation_give_the_same(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    values = {"A": HOSTILE["newlines"], "PKG_CONFIG_PATH": "/declared"}
    active = Activation(environment=str(built[0]), variables=declared(values))
    link = fill(built[0], values)
    before = {"PYTHONHOME": "/x", "PKG_CONFIG_PATH": "/before"}
    said = execute(
        shell, [Probe(label="before"), enter(link), Probe(label="inside")], tmp_path, before
    )
    assert "PYTHONHOME" in said["before"]
    assert not unalike(patch(active, said["before"]), said["inside"]) - {"PS1", "VIRTUAL_PREFIX"}
