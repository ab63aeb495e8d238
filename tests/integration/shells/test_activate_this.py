"""`activate_this.py`, run by a Python that is not the environment's own."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from envctl.adapters import activators
from envctl.domain.environment.activation import Activation, declared
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.emitters.shells import python
from envctl.errors import EnvironmentFailure
from envctl.usecases.run import patch
from tests.integration.shells.stage import DEVICES, HOSTILE, activation, build, fill, unalike

_ENTER = """\
import json, os, runpy, subprocess, sys
left = runpy.run_path(sys.argv[1])
child = subprocess.run([sys.executable, "-I", "-c", "import json, os; print(json.dumps(dict(os.environ)))"],
                       capture_output=True, check=True).stdout
print(json.dumps([json.loads(child), dict(os.environ), sys.prefix, sys.path[0], sorted(map(str, left))]))
"""


class Entered:
    """What the process saw after it had run the script."""

    def __init__(self, link: Path, before: Mapping[str, str]) -> None:
        ended = subprocess.run(
            [sys.executable, "-I", "-c", _ENTER, str(link / "bin/activate_this.py")],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **before},
            capture_output=True,
            check=True,
        )
        assert not ended.stderr
        self.child, self.environ, self.prefix, self.path, self.left = json.loads(ended.stdout)


@pytest.mark.parametrize("label", list(HOSTILE))
def test_a_hostile_value_arrives(label: str, built: list[Path]) -> None:
    link = fill(built[0], {"NEW": HOSTILE[label], "OLD": HOSTILE[label]})
    seen = Entered(link, {"OLD": "before"})
    for environ in (seen.child, seen.environ):
        assert (environ["NEW"], environ["OLD"]) == (HOSTILE[label], HOSTILE[label])


@pytest.mark.parametrize("job", list(SCHEDULER_JOBS))
@pytest.mark.parametrize("given", [None, "", "5"])
def test_in_a_job_the_schedulers_devices_stay(
    job: str, given: str | None, built: list[Path]
) -> None:
    link = fill(built[0], {DEVICES: "2", "PYTHONHASHSEED": "0"})
    seen = Entered(link, {job: "7", **({} if given is None else {DEVICES: given})})
    assert (seen.child.get(DEVICES), seen.child["PYTHONHASHSEED"]) == (given, "0")


def test_outside_a_job_the_declared_devices_are_set(built: list[Path]) -> None:
    link = fill(built[0], {DEVICES: "2"})
    assert Entered(link, {DEVICES: "0"}).child[DEVICES] == "2"


def test_the_link_leads_to_the_real_path(built: list[Path]) -> None:
    seen = Entered(fill(built[0], {}), {})
    real = str(built[0])
    assert (seen.prefix, seen.child["VIRTUAL_ENV"]) == (real, real)
    assert seen.child["PATH"].split(":")[0] == f"{real}/bin"
    assert seen.path.startswith(f"{real}/lib")


def test_run_and_activation_give_the_same(built: list[Path]) -> None:
    values = {"A": HOSTILE["newlines"], "PKG_CONFIG_PATH": "/declared"}
    active = Activation(environment=str(built[0]), variables=declared(values))
    before = {"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": "/before"}
    seen = Entered(fill(built[0], values), before)
    assert not unalike(patch(active, {**before, "LC_ALL": "C.UTF-8"}), seen.child)


def test_a_secret_is_not_written(built: list[Path]) -> None:
    link = fill(built[0], {"GITHUB_TOKEN": "t0ken"})
    assert "GITHUB_TOKEN" not in Entered(link, {}).child
    assert "t0ken" not in (link / "bin/activate_this.py").read_text()


def test_no_name_of_ours_is_among_what_run_path_returns(tmp_path: Path) -> None:
    env_dir = build(tmp_path / "p/.envctl/envs/env")
    (tmp_path / "p/.venv").symlink_to(".envctl/envs/env")
    before = Entered(tmp_path / "p/.venv", {})
    after = Entered(fill(env_dir, {"A": "1", DEVICES: "2"}), {})
    assert after.left == before.left


def test_rendering_again_changes_nothing(built: list[Path]) -> None:
    active = activation(built[0], {"A": HOSTILE["marker"]})
    activators.install(built[0], active)
    assert "activate_this.py" not in activators.outdated(built[0], active)
    fill(built[0], {"B": "1"})
    assert "exit 9" not in (built[0] / "bin/activate_this.py").read_text()


def test_a_foreign_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure):
        python.patch({"activate_this.py": "print('mine')\n"}, activation(tmp_path, {}), built_at="")
