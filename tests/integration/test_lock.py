"""`envctl lock`, with both resolvers, and everybody else who reads the file."""

import subprocess
import sys
import tomllib
from difflib import unified_diff
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World

RESOLVERS = ("uv", "pip-tools")


@pytest.fixture(params=RESOLVERS)
def either(request: pytest.FixtureRequest, world: World) -> World:
    world.write("pyproject.toml", world.manifest(request.param))
    world.envctl("lock")
    return world


def lock_of(world: World) -> Pylock:
    return Pylock.from_dict(tomllib.loads(world.read("pylock.toml")))


def versions(lock: Pylock) -> dict[str, str]:
    return {str(package.name): str(package.version) for package in lock.packages}


def test_every_package_has_files_with_url_hash_and_index(either: World) -> None:
    lock = lock_of(either)
    assert versions(lock) == {
        "zz-made-app": "1.0",
        "zz-made-lib": "1.1",
        "zz-made-plot": "0.5",
        "zz-made-test": "3.0",
    }
    for package in lock.packages:
        assert package.index == either.index.url
        served = {file.filename: file.sha256 for file in either.index.files(package.name)}
        assert package.wheels
        for wheel in package.wheels:
            assert wheel.url is not None
            assert wheel.url.startswith(either.index.origin)
            assert wheel.hashes["sha256"] == served[wheel.filename]


def test_groups_and_extras_are_markers(either: World) -> None:
    markers = {str(package.name): str(package.marker) for package in lock_of(either).packages}
    assert markers["zz-made-app"] == "None"
    assert markers["zz-made-lib"] == "None"
    assert markers["zz-made-test"] == '"dev" in dependency_groups'
    assert markers["zz-made-plot"] == '"plot" in extras'


def test_the_lock_says_which_platform_it_is_for(either: World) -> None:
    assert "sys_platform == 'linux'" in tomllib.loads(either.read("pylock.toml"))["environments"][0]


def test_edges_inputs_and_variables_stand_in_our_table(either: World) -> None:
    own = tomllib.loads(either.read("pylock.toml"))["tool"]["envctl"]
    assert own["schema"] == 1
    assert "requires zz-made-app<2" in own["inputs"]
    assert own["requires"]["zz-made-app==1.0"] == ["zz-made-lib"]
    assert own["env"] == {"CUDA_VISIBLE_DEVICES": "2", "PYTHONHASHSEED": "0"}
    assert own["contract"]["accelerator"] == "cpu"


def test_a_second_lock_is_byte_identical_and_asks_nobody(either: World) -> None:
    before = either.read("pylock.toml")
    either.index.forget_requests()
    done = either.envctl("lock")
    assert either.read("pylock.toml") == before
    assert "up to date" in done.stderr
    assert either.index.requests == []


def test_resolving_again_gives_the_same_bytes(either: World) -> None:
    before = either.read("pylock.toml")
    either.envctl("lock", "--upgrade")
    assert either.read("pylock.toml") == before


def test_a_newer_release_changes_nothing_until_upgrade(either: World) -> None:
    either.index.add(Wheel("zz-made-lib", "1.2"), Wheel("zz-made-extra", "9"))
    either.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-extra", "zz-made-app<2"')
    either.envctl("lock", env={"UV_CACHE_DIR": str(either.root / "other-cache")})
    assert versions(lock_of(either))["zz-made-lib"] == "1.1"
    either.envctl("lock", "-P", "zz-made-lib", env={"UV_CACHE_DIR": str(either.root / "third")})
    assert versions(lock_of(either))["zz-made-lib"] == "1.2"


def test_adding_a_package_changes_only_lines_about_it(either: World) -> None:
    before = either.read("pylock.toml").splitlines()
    either.index.add(Wheel("zz-made-new", "4.0"))
    either.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-new", "zz-made-app<2"')
    either.envctl("lock", env={"UV_CACHE_DIR": str(either.root / "other-cache")})
    changed = [
        line
        for line in unified_diff(before, either.read("pylock.toml").splitlines(), n=0)
        if line[0] in "+-" and not line.startswith(("+++", "---"))
    ]
    allowed = ("+[[packages]]", '+version = "4.0"', "+index = ", "+wheels = [", "+]", "+")
    assert changed
    assert all("zz-made-new" in x or "zz_made_new" in x or x.startswith(allowed) for x in changed)
    assert not any(line.startswith("-") for line in changed)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_others_install_from_it(either: World, tool: str, tmp_path: Path) -> None:
    venv = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    if tool == "pip":
        command = [sys.executable, "-m", "pip", "--python", python, "install", "-q"]
        command += ["-r", str(either.root / "pylock.toml")]
    else:
        command = ["uv", "pip", "sync", "-q", "--preview-features", "pylock", "--no-config"]
        command += ["--python", python, str(either.root / "pylock.toml")]
        command[0] = _uv()
    either.run(command)
    shown = sorted(path.name for path in (venv / "lib").rglob("zz_made*.dist-info"))
    assert shown == ["zz_made_app-1.0.dist-info", "zz_made_lib-1.1.dist-info"]


def _uv() -> str:
    from uv import find_uv_bin

    return find_uv_bin()


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_personal_configuration_changes_nothing(
    world: World, resolver: str, tmp_path: Path
) -> None:
    world.write("pyproject.toml", world.manifest(resolver))
    world.envctl("lock")
    clean = world.read("pylock.toml")
    (world.root / "pylock.toml").unlink()
    poison = tmp_path / "poison"
    home = tmp_path / "home"
    with LocalIndex() as other:
        other.add(Wheel("zz-made-app", "1.9"), Wheel("zz-made-lib", "7"))
        (home / ".config" / "uv").mkdir(parents=True)
        (home / ".config" / "uv" / "uv.toml").write_text(
            f'[[index]]\nurl = "{other.url}"\ndefault = true\n[pip]\nprerelease = "allow"\n'
        )
        (home / ".config" / "pip").mkdir(parents=True)
        (home / ".config" / "pip" / "pip.conf").write_text(
            f"[global]\nindex-url = {other.url}\nextra-index-url = {other.url}\n"
        )
        poison.mkdir()
        (poison / "constraints.txt").write_text("zz-made-lib==1.0\n")
        world.envctl(
            "lock",
            env={
                "HOME": str(home),
                "XDG_CONFIG_HOME": str(home / ".config"),
                "UV_INDEX_URL": other.url,
                "UV_DEFAULT_INDEX": other.url,
                "UV_INDEX": other.url,
                "UV_CONSTRAINT": str(poison / "constraints.txt"),
                "UV_RESOLUTION": "lowest",
                "UV_EXCLUDE_NEWER": "2001-01-01",
                "UV_FROZEN": "1",
                "PIP_INDEX_URL": other.url,
                "PIP_EXTRA_INDEX_URL": other.url,
                "PIP_FIND_LINKS": str(poison),
                "PIP_CONSTRAINT": str(poison / "constraints.txt"),
                "PIP_NO_INDEX": "1",
                "PIP_CONFIG_FILE": str(home / ".config" / "pip" / "pip.conf"),
            },
        )
        assert other.requests == []
    assert world.read("pylock.toml") == clean


def test_all_declared_platforms_with_uv(world: World) -> None:
    world.edit(
        "pyproject.toml",
        '["linux-x86_64"]',
        '["linux-x86_64", "macos-arm64", "windows-x86_64"]',
    )
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-plot", "zz-made-app<2"')
    world.envctl("lock")
    markers = {str(package.name): str(package.marker) for package in lock_of(world).packages}
    assert "win32" in markers["zz-made-win"]
    assert markers["zz-made-plot"] == "None"
    assert len(lock_of(world).environments or []) == 3


def test_a_foreign_platform_with_pip_tools_names_the_other_resolver(world: World) -> None:
    world.write("pyproject.toml", world.manifest("pip-tools"))
    world.edit("pyproject.toml", '["linux-x86_64"]', '["linux-x86_64", "windows-x86_64"]')
    done = world.envctl("lock", code=3)
    assert "windows-x86_64" in done.stderr
    assert 'resolver = "uv"' in done.stderr
    assert not (world.root / "pylock.toml").exists()


def test_json_mode_says_the_same(tmp_path: Path, world: World) -> None:
    report = world.json("lock")
    assert report["ok"] is True
    assert report["command"] == "lock"
    assert {change["name"] for change in report["result"]["locks"][0]["changes"]} >= {"zz-made-app"}
    assert world.json("lock")["result"]["written"] is False


def test_the_python_is_in_the_lock(world: World) -> None:
    world.envctl("lock")
    assert f'requires-python = "=={MINOR}.*"' in world.read("pylock.toml")


@pytest.mark.parametrize("pattern", ["zz-made-priv-*", "zz-made-priv-app"])
def test_a_claimed_package_comes_from_its_index_and_nowhere_else(
    world: World, pattern: str
) -> None:
    """Somebody put newer packages of the same names on the public index (dependency confusion)."""
    with LocalIndex() as private:
        private.add(
            Wheel("zz-made-priv-app", "1.0", requires=("zz-made-priv-core", "zz-made-lib")),
            Wheel("zz-made-priv-core", "1.0"),
        )
        world.index.add(Wheel("zz-made-priv-app", "99"), Wheel("zz-made-priv-core", "99"))
        world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-priv-app", "zz-made-app<2"')
        world.edit(
            "pyproject.toml",
            "[tool.envctl.env]",
            f'[[tool.envctl.index]]\nname = "private"\nurl = "{private.url}"\n'
            f'packages = ["{pattern}"]\n\n[tool.envctl.env]',
        )
        world.envctl("lock")
        found = {
            str(package.name): (str(package.version), package.index)
            for package in lock_of(world).packages
        }
        assert found["zz-made-priv-app"] == ("1.0", private.url)
        core = ("1.0", private.url) if "*" in pattern else ("99", world.index.url)
        assert found["zz-made-priv-core"] == core
        assert found["zz-made-lib"] == ("1.1", world.index.url)
        assert not [path for _, path in world.index.requests if "priv-app" in path]
        before = world.read("pylock.toml")
        world.envctl("lock", "--upgrade")
        assert world.read("pylock.toml") == before


def test_the_projects_own_extras_are_no_strangers_package(either: World) -> None:
    """`all = ["demo[plot]"]`: the index has a package of the project's name, which nobody asked for."""
    either.index.add(Wheel("demo", "6.6.6"))
    either.edit(
        "pyproject.toml",
        'plot = ["zz-made-plot"]',
        'plot = ["zz-made-plot"]\nall = ["Demo[plot]", "zz-made-test"]',
    )
    either.envctl("lock", env={"UV_CACHE_DIR": str(either.root / "fresh")})
    markers = {str(package.name): str(package.marker) for package in lock_of(either).packages}
    assert "demo" not in markers
    assert '"all" in extras' in markers["zz-made-plot"]
    assert '"plot" in extras' in markers["zz-made-plot"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"linux-x86_64"', '"linux-x86_64", "linux-x86_64"', "listed twice"),
        ('name = "team"', 'name = "a b"', "cannot name an index"),
        ('url = "http', 'url = "htp', "not the address of an index"),
        ('version = "0.1.0"', 'version = "0"\nrequires-python = ">=3.99"', "outside"),
    ],
)
def test_a_manifest_that_no_resolver_could_take(
    world: World, old: str, new: str, said: str
) -> None:
    world.edit("pyproject.toml", old, new)
    done = world.envctl("lock", code=3)
    assert said in done.stderr
    assert "where: pyproject.toml" in done.stderr
