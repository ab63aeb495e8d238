"""Every way into the environment, through the real program: the declared variables are set in all of them."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.integration.world import World

ENVCTL = f"{shlex.quote(sys.executable)} -m envctl"
SHOW = 'printf "%s|" "$PYTHONHASHSEED" "${CUDA_VISIBLE_DEVICES-unset}" "${VIRTUAL_ENV##*/}"; '
WAYS = {
    "activate": f'eval "$({ENVCTL} activate --shell {{shell}})"',
    "source": ". .venv/bin/activate",
}


def shell(world: World, name: str, script: str, **env: str) -> str:
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed: .ci/run must bring it")
        pytest.skip(f"{name} is not installed")
    return world.run([found, "-c", script], env=env).stdout


@pytest.mark.parametrize("name", ["bash", "zsh"])
@pytest.mark.parametrize("way", WAYS)
def test_variables_are_set_and_come_back(synced: World, name: str, way: str) -> None:
    enter = WAYS[way].format(shell=name)
    script = f"{enter}; {SHOW} deactivate; {SHOW}"
    identity = (synced.root / ".venv").readlink().name
    out = shell(synced, name, script, CUDA_VISIBLE_DEVICES="7", PYTHONHASHSEED="random")
    assert out == f"0|2|{identity}|random|7||"
    unset = shell(synced, name, f"unset CUDA_VISIBLE_DEVICES; {script}", PYTHONHASHSEED="5")
    assert unset == f"0|2|{identity}|5|unset||"


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_shell_starts_with_the_variables_and_passes_its_code(synced: World, name: str) -> None:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "envctl", "shell", "--shell", found],
        cwd=synced.root,
        env={**os.environ, **synced.environ, "CUDA_VISIBLE_DEVICES": "7"},
        input=f"{SHOW}\nexit 9\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    assert "0|2|" in done.stdout


def test_run_sets_them_and_the_callers_device_wins(synced: World) -> None:
    show = ["run", "--", "sh", "-c", SHOW]
    identity = (synced.root / ".venv").readlink().name
    assert synced.envctl(*show).stdout == f"0|2|{identity}|"
    mine = synced.envctl(*show, env={"CUDA_VISIBLE_DEVICES": "7", "PYTHONHASHSEED": "9"})
    assert mine.stdout == f"0|7|{identity}|"
    said = synced.envctl("run", "--env", "CUDA_VISIBLE_DEVICES=1", "--", "sh", "-c", SHOW)
    assert said.stdout == f"0|1|{identity}|"


def test_in_a_schedulers_job_its_devices_are_kept(synced: World) -> None:
    env = {"SLURM_JOB_ID": "1", "CUDA_VISIBLE_DEVICES": "5"}
    assert "|5|" in synced.envctl("run", "--", "sh", "-c", SHOW, env=env).stdout
    assert "|5|" in shell(synced, "bash", f". .venv/bin/activate; {SHOW}", **env)
    bare = {"SLURM_JOB_ID": "1"}
    assert "|unset|" in synced.envctl("run", "--", "sh", "-c", SHOW, env=bare).stdout
    assert "|unset|" in shell(synced, "bash", f". .venv/bin/activate; {SHOW}", **bare)


def test_exit_codes_signals_and_arguments_pass_through(synced: World) -> None:
    assert synced.envctl("run", "--", "sh", "-c", "exit 42", code=42).stdout == ""
    killed = synced.envctl("run", "--", "sh", "-c", "kill -TERM $$", code=None)
    assert killed.returncode == -15
    odd = ["a b", "", "--json", "$HOME", "é\n", "*"]
    code = "import sys; print(sys.argv[1:])"
    assert synced.envctl("run", "--", "python", "-c", code, *odd).stdout.strip() == repr(odd)


def test_local_variables_reach_activation_and_run(synced: World) -> None:
    synced.write(".envctl/local.toml", '[env]\nPYTHONHASHSEED = "3"\n')
    assert synced.envctl("run", "--", "sh", "-c", SHOW).stdout.startswith("3|2|")
    assert "activation-stale" in synced.codes("--only", "environment")
    synced.envctl("sync")
    assert shell(synced, "zsh", f". .venv/bin/activate; {SHOW}").startswith("3|2|")


def test_without_an_environment_each_way_says_what_to_do(world: World) -> None:
    world.envctl("lock")
    for arguments in (["run", "--", "true"], ["activate"], ["shell"]):
        done = world.envctl(*arguments, code=3)
        assert "run `envctl sync`" in done.stderr
        assert done.stdout == ""
