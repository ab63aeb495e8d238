"""`envctl verify` as a process of its own; that each code comes about and is mended is in `test_every_code.py`."""

import os
import shutil

import pytest

from tests.index.wheels import Wheel
from tests.integration.provoking.environments import file_modified, interpreter_gone
from tests.integration.provoking.locks import stale
from tests.integration.world import MINOR, World


def variable(world: World) -> None:
    world.edit("pyproject.toml", 'PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "1"')


def dockerized(world: World) -> None:
    """Dockerize with an index that has uv, which the image is filled by."""
    world.index.add(Wheel("uv", _uv_version(), tags=("py3-none-manylinux_2_17_x86_64",)))
    pinned_by_hand(world)
    world.envctl("dockerize", env={"DOCKER_HOST": "tcp://127.0.0.1:9"})


def pinned_by_hand(world: World) -> None:
    """Name a base image of a registry that does not answer."""
    base = f"127.0.0.1:9/python:{MINOR}-slim-bookworm@sha256:{'0' * 64}"
    text = world.read("pyproject.toml")
    world.write("pyproject.toml", f'{text}\n[tool.envctl.image]\nbase = "{base}"\n')


def _uv_version() -> str:
    from importlib.metadata import version

    return version("uv")


def image_stale(world: World) -> None:
    stale(world)
    world.envctl("lock")


def test_a_bumped_test_tool_leaves_the_image_alone(synced: World) -> None:
    dockerized(synced)
    synced.index.add(Wheel("zz-made-test", "3.1"))
    synced.envctl("lock", "-P", "zz-made-test", env={"UV_CACHE_DIR": str(synced.root / "fresh")})
    assert 'version = "3.1"' in synced.read("pylock.toml")
    assert synced.codes("--only", "lock,image", code=0) == []


def test_what_the_user_writes_around_the_block_stays(synced: World) -> None:
    dockerized(synced)
    synced.write("Dockerfile", "# above\n" + synced.read("Dockerfile") + "LABEL mine=1\n")
    image_stale(synced)
    synced.envctl("dockerize", env={"DOCKER_HOST": "tcp://127.0.0.1:9"})
    text = synced.read("Dockerfile")
    assert text.startswith("# above\n")
    assert text.endswith("LABEL mine=1\n")
    assert synced.codes("--only", "image", code=0) == []


def test_run_refuses_an_environment_without_its_interpreter(synced: World) -> None:
    synced.envctl("run", "--", "python", "-c", "pass")
    interpreter_gone(synced)
    done = synced.envctl("run", "--", "python", "-c", "pass", code=3)
    assert "run `envctl sync`" in done.stderr


def test_a_platform_that_the_lock_does_not_serve_is_a_finding(synced: World) -> None:
    synced.edit("pyproject.toml", '"linux-x86_64"', '"macos-arm64"')
    synced.envctl("lock")
    assert synced.codes("--only", "environment", code=1) == ["platform-unserved"]


def test_a_changed_variable_makes_the_lock_stale_without_its_value(synced: World) -> None:
    variable(synced)
    [finding] = synced.findings("--only", "lock")
    assert finding["code"] == "lock-stale"
    assert "PYTHONHASHSEED" in finding["message"]
    synced.index.forget_requests()
    synced.envctl("lock")
    assert synced.index.requests == []
    assert synced.codes("--only", "lock", code=0) == []


def test_what_changes_nothing_is_not_stale(synced: World) -> None:
    text = synced.read("pyproject.toml").replace("# the team's project", "# ours")
    text = text.replace('version = "0.1.0"', 'version = "0.2.0"').replace('"demo"', '"demo2"')
    text = text.replace('"zz-made-app<2",  # the old one', '"zz-made-app  <  2"')
    synced.write("pyproject.toml", text)
    assert synced.codes("--only", "lock", code=0) == []


def test_a_tampered_file_is_mended_in_the_cache_too(synced: World) -> None:
    file_modified(synced)
    synced.envctl("sync", "--repair")
    shutil.rmtree(synced.root / ".envctl" / "envs")
    synced.envctl("sync")
    assert "debugging" not in (synced.site / "zz_made_lib" / "__init__.py").read_text()
    assert synced.codes("--only", "environment", code=0) == []


def test_what_envctls_own_sync_installed_is_nobody_elses(synced: World) -> None:
    """As after `git checkout HEAD~1`: uv installed it, and at envctl's word."""
    before = {name: synced.read(name) for name in ("pyproject.toml", "pylock.toml")}
    synced.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-plot", "zz-made-app<2"')
    synced.envctl("lock")
    synced.envctl("sync")
    for name, text in before.items():
        synced.write(name, text)
    messages = {each["message"] for each in synced.findings("--only", "environment")}
    assert any("`zz-made-plot`" in each for each in messages)
    assert not any("(by" in each for each in messages)


def test_local_paths_in_a_lock_are_found(synced: World) -> None:
    text = synced.read("pylock.toml").replace(synced.index.origin, "file:///home/ana/wheels")
    synced.write("pylock.toml", text)
    found = {each["code"]: each for each in synced.findings("--only", "lock")}
    assert "only one machine has" in found["lock-local-url"]["message"]
    assert found["lock-local-url"]["advice"]


def test_variables(synced: World) -> None:
    def look(**env: str) -> dict[str, dict[str, str]]:
        done = synced.envctl("verify", "--only", "variables", "--json", code=None, env=env)
        import json

        return {f["subject"]: f for f in json.loads(done.stdout)["result"]["findings"]}

    outside = look()
    assert outside["PYTHONHASHSEED"]["code"] == "variable-unset"
    assert outside["PYTHONHASHSEED"]["severity"] == "note"
    wrong = look(PYTHONHASHSEED="7")
    assert wrong["PYTHONHASHSEED"]["code"] == "variable-differs"
    assert wrong["PYTHONHASHSEED"]["severity"] == "error"
    active = look(VIRTUAL_ENV=os.path.realpath(synced.root / ".venv"))
    assert active["PYTHONHASHSEED"]["severity"] == "error"
    loose = look(PYTHONHASHSEED="0", CUDA_VISIBLE_DEVICES="2", NVIDIA_TF32_OVERRIDE="1")
    assert loose["NVIDIA_TF32_OVERRIDE"]["code"] == "variable-undeclared"
    assert loose["NVIDIA_TF32_OVERRIDE"]["severity"] == "warning"
    assert "PYTHONHASHSEED" not in loose
    assert "CUDA_VISIBLE_DEVICES" not in loose


def test_a_host_variable_is_compared_with_this_machines_record(synced: World) -> None:
    synced.envctl("record", "--save", "here", env={"NVIDIA_VISIBLE_DEVICES": "0"})
    quiet = {"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "2"}
    same = synced.envctl(
        "verify", "--only", "variables", env={**quiet, "NVIDIA_VISIBLE_DEVICES": "0"}
    )
    assert "ok" in same.stdout
    other = synced.envctl(
        "verify", "--only", "variables", env={**quiet, "NVIDIA_VISIBLE_DEVICES": "1"}
    )
    assert "variable-differs" in other.stdout


def test_strict_makes_warnings_count(synced: World) -> None:
    env = {"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "2", "NVIDIA_TF32_OVERRIDE": "1"}
    synced.envctl("verify", "--only", "variables", env=env)
    synced.envctl("verify", "--only", "variables", "--strict", code=1, env=env)


def test_an_unknown_layer_is_a_usage_error(synced: World) -> None:
    done = synced.envctl("verify", "--only", "locks", code=2)
    assert "did you mean `lock`?" in done.stderr
    assert "the layers are: lock, " in synced.envctl("verify", "--only", "x", code=2).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", ""], "no layer is named"),
        (["--skip", ","], "no layer is named"),
        (["--only", "fleet", "--skip", "fleet"], "nothing is left to look at"),
        (
            ["--skip", "lock,environment,variables,machine,fleet,image"],
            "nothing is left to look at",
        ),
        (["fleet"], "`envctl verify --only fleet`"),
        (["--only", "lock", "fleet"], "`envctl verify --only fleet`"),
        (["--fleet"], "`envctl verify --only fleet`"),
        (["nonsense"], "`envctl verify --only LAYER`"),
    ],
)
def test_a_check_that_would_look_at_nothing_is_refused(
    world: World, words: list[str], said: str
) -> None:
    done = world.envctl("verify", *words, code=2)
    assert said in done.stderr
    assert "  next:  " in done.stderr


def test_blanks_beside_a_layers_name_do_no_harm(synced: World) -> None:
    assert synced.envctl("verify", "--only", "lock, fleet").stdout == (
        synced.envctl("verify", "--only", "fleet,lock").stdout
    )


def test_the_layers_are_named_in_the_help(world: World) -> None:
    said = " ".join(world.envctl("verify", "--help").stdout.split())
    assert "lock, environment, variables, machine, fleet, image" in said


def test_the_check_of_a_lock_reports_under_its_own_name(world: World) -> None:
    world.envctl("lock")
    report = world.json("lock", "--check")
    assert (report["command"], report["ok"], report["result"]["layers"]) == ("lock", True, ["lock"])
    # `verify` answers from the note that the check left (envctl.quick): under verify's name.
    assert world.json("verify", "--only", "lock")["command"] == "verify"
    assert world.json("lock", "--check")["command"] == "lock"
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app<1.4"')
    report = world.json("lock", "--check", code=1)
    assert (report["command"], report["ok"]) == ("lock", False)
    assert report["result"]["findings"]


def test_a_lock_does_not_steer_the_terminal(world: World) -> None:
    world.envctl("lock")
    hostile = r"\u001b[31mevil\u0007\u009b2J"
    world.edit("pylock.toml", 'created-by = "envctl"', f'created-by = "{hostile}"')
    world.edit("pylock.toml", '"requires zz-made-app', rf'"{hostile}", "requires zz-made-app')
    for arguments in (("verify", "--only", "lock"), ("verify",), ("lock", "--adopt"), ("lock",)):
        done = world.envctl(*arguments, code=None)
        said = (done.stdout + done.stderr).replace("\n", "")
        assert said.isprintable(), said
        if arguments[0] == "verify":
            assert r"\x1b[31mevil\x07\x9b2J" in said
