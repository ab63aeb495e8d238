"""`envctl verify`: each code that carries a fix is provoked, mended by that very command, and gone."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable

import pytest

from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World


def stale(world: World) -> None:
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')


def variable(world: World) -> None:
    world.edit("pyproject.toml", 'PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "1"')


def missing(world: World) -> None:
    (world.root / "pylock.toml").unlink()


def broken(world: World) -> None:
    text = world.read("pylock.toml")
    world.write("pylock.toml", f"<<<<<<< ours\n{text}=======\n>>>>>>> theirs\n")


def foreign(world: World) -> None:
    text = world.read("pylock.toml").replace('created-by = "envctl"', 'created-by = "uv"')
    world.write("pylock.toml", text.partition("[tool.envctl]")[0])


def edited(world: World) -> None:
    text = world.read("pylock.toml")
    at = text.index("sha256 = ") + 10
    flipped = "0" if text[at] != "0" else "1"
    world.write("pylock.toml", text[:at] + flipped + text[at + 1 :])


def no_environment(world: World) -> None:
    (world.root / ".venv").unlink()


def foreign_environment(world: World) -> None:
    (world.root / ".venv").unlink()
    (world.root / ".venv").mkdir()


def unfinished(world: World) -> None:
    (world.root / ".venv" / "envctl.json").unlink()


def package_gone(world: World) -> None:
    shutil.rmtree(world.site / "zz_made_lib-1.1.dist-info")
    shutil.rmtree(world.site / "zz_made_lib")


def package_extra(world: World) -> None:
    (world.site / "zz_stray-1.dist-info").mkdir()


def package_version(world: World) -> None:
    stale(world)
    world.envctl("lock")


def file_modified(world: World) -> None:
    path = world.site / "zz_made_lib" / "__init__.py"
    path.write_text(path.read_text() + "# debugging\n")


def file_missing(world: World) -> None:
    (world.site / "zz_made_lib" / "__init__.py").unlink()


def file_added(world: World) -> None:
    (world.site / "zz_made_lib" / "hack.py").write_text("x = 1\n")


def record_rewritten(world: World) -> None:
    """Change a file and make its package's RECORD forget its hash."""
    file_modified(world)
    path = world.site / "zz_made_lib-1.1.dist-info" / "RECORD"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(row for row in rows if not row.startswith("zz_made_lib/__init__.py")))


def script_rewritten(world: World) -> None:
    path = world.root / ".venv" / "bin" / "activate"
    path.write_text(path.read_text().replace("PYTHONHASHSEED", "PYTHONHASHSEEDS"))


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


def image_edited(world: World) -> None:
    world.edit("Dockerfile", "USER 10001:0", "USER 0")


def image_list_edited(world: World) -> None:
    world.edit(".envctl/image/pylock.light.toml", "sha256 = ", "sha256  = ")


IMAGE = {
    "dockerfile-stale": (image_stale, "dockerfile-stale"),
    "dockerfile-edited": (image_edited, "dockerfile-edited"),
    "install list edited": (image_list_edited, "dockerfile-edited"),
}


@pytest.mark.parametrize("name", IMAGE)
def test_the_image_layer_provoked_mended_and_gone(synced: World, name: str) -> None:
    provoke, code = IMAGE[name]
    dockerized(synced)
    assert synced.codes("--only", "lock,image", code=0) == []
    provoke(synced)
    [finding] = [each for each in synced.findings("--only", "image") if each["code"] == code]
    fix = shlex.split(finding["fix"])
    synced.envctl(*fix[1:], env={"DOCKER_HOST": "tcp://127.0.0.1:9"})
    assert synced.codes("--only", "lock,image", code=0) == []


@pytest.mark.parametrize("code", ["dockerfile-missing", "dockerfile-foreign"])
def test_dockerize_check_provoked_mended_and_gone(synced: World, code: str) -> None:
    synced.index.add(Wheel("uv", _uv_version(), tags=("py3-none-manylinux_2_17_x86_64",)))
    pinned_by_hand(synced)
    if code == "dockerfile-foreign":
        synced.write("Dockerfile", "FROM scratch\n")
    [finding] = synced.json("dockerize", "--check", code=1)["result"]["findings"]
    assert finding["code"] == code
    fix = shlex.split(finding["fix"])
    synced.envctl(*fix[1:], env={"DOCKER_HOST": "tcp://127.0.0.1:9"})
    [left] = synced.json("dockerize", "--check")["result"]["findings"]
    assert (left["code"], left["severity"]) == ("base-unchecked", "note")


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


def other_files(world: World) -> None:
    """Let the index replace a wheel by another of the same version, as private indexes do."""
    world.index.remove("zz-made-lib", "1.1")
    world.index.add(Wheel("zz-made-lib", "1.1", files={"zz_made_lib/__init__.py": "new = 1\n"}))
    (world.root / "pylock.toml").unlink()
    world.envctl("lock", env={"UV_CACHE_DIR": str(world.root / "fresh")})


def python_version(world: World) -> None:
    stamp = world.root / ".venv" / "envctl.json"
    major, minor, micro = sys.version_info[:3]
    text = stamp.read_text().replace(f'"{major}.{minor}.{micro}"', f'"{major}.{minor}.99"')
    stamp.write_text(text)


def incomplete(world: World) -> None:
    """Take a package that another one needs, with all that is said of it: as a clean merge can."""
    text = world.read("pylock.toml")
    blocks = text.split("[[packages]]\n")
    kept = [block for block in blocks if not block.startswith('name = "zz-made-lib"')]
    text = "[[packages]]\n".join(kept)
    lines = [line for line in text.splitlines() if not line.startswith('"zz-made-lib==1.1" = "sha')]
    world.write("pylock.toml", "\n".join(lines) + "\n")


def reframed(world: World) -> None:
    text = world.read("pylock.toml")
    at = text.index("requires-python = ")
    end = text.index("\n", at)
    world.write("pylock.toml", text[:at] + 'requires-python = ">=3.5"' + text[end:])


def interpreter_gone(world: World) -> None:
    python = world.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")


def taken_apart(world: World) -> None:
    (world.root / ".venv" / "pyvenv.cfg").unlink()


PROVOKED: dict[str, Callable[[World], None]] = {
    "lock-stale": stale,
    "lock-missing": missing,
    "lock-unreadable": broken,
    "lock-foreign": foreign,
    "lock-edited": edited,
    "lock-incomplete": incomplete,
    "environment-missing": no_environment,
    "environment-foreign": foreign_environment,
    "environment-unfinished": unfinished,
    "environment-stale": other_files,
    "package-missing": package_gone,
    "package-extra": package_extra,
    "package-version": package_version,
    "file-modified": file_modified,
    "file-missing": file_missing,
    "file-added": file_added,
    "record-modified": record_rewritten,
    "activation-stale": script_rewritten,
    "python-version": python_version,
}


@pytest.mark.parametrize("code", PROVOKED)
def test_provoked_mended_and_gone(synced: World, code: str) -> None:
    layers = ("--only", "lock,environment")
    assert synced.codes(*layers, code=0) == []
    PROVOKED[code](synced)
    found = [each for each in synced.findings(*layers) if each["code"] == code]
    assert found, synced.findings(*layers)
    assert found[0]["severity"] == "error"
    assert found[0]["message"]
    fix = shlex.split(found[0]["fix"])
    assert fix[0] == "envctl"
    synced.envctl(*fix[1:], env={"UV_CACHE_DIR": str(synced.root / "fresh")})
    assert code not in synced.codes(*layers)
    assert synced.run([str(synced.python), "-c", "import zz_made_app"], code=None).returncode == 0


@pytest.mark.parametrize(
    ("provoke", "code"),
    [
        (reframed, "lock-edited"),
        (interpreter_gone, "environment-unfinished"),
        (taken_apart, "environment-unfinished"),
    ],
)
def test_other_ways_to_the_same_codes(
    synced: World, provoke: Callable[[World], None], code: str
) -> None:
    layers = ("--only", "lock,environment")
    provoke(synced)
    found = [each for each in synced.findings(*layers) if each["code"] == code]
    assert found, synced.findings(*layers)
    synced.envctl(*shlex.split(found[0]["fix"])[1:])
    assert synced.codes(*layers, code=0) == []
    synced.run([str(synced.python), "-c", "import zz_made_app"])


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
    assert "the layers are" in done.stderr


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
