"""`envctl export`: what pip, uv and CycloneDX's own validator make of it."""

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from uv import find_uv_bin

from envctl.adapters.project import ProjectFiles
from envctl.domain.platforms import Platform
from envctl.emitters.exports import EXPORTS
from envctl.usecases import load
from envctl.usecases.export import Choice, export
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel, build, write
from tests.integration.world import MINOR, World

PLATFORMS = {
    "linux-x86_64": Platform(os="linux", machine="x86_64"),
    "linux-aarch64": Platform(os="linux", machine="aarch64"),
    "macos-arm64": Platform(os="macos", machine="arm64"),
    "windows-x86_64": Platform(os="windows", machine="x86_64"),
}
CHOICES = ((), ("--no-default-groups",), ("--extra", "plot"), ("--extra", "Plot", "--group", "dev"))
COMPILED = Wheel(
    "zz-made-native",
    "1.0",
    tags=(f"cp{MINOR.replace('.', '')}-cp{MINOR.replace('.', '')}-manylinux_2_17_x86_64",),
)


@pytest.fixture
def locked(world: World) -> World:
    """Give a lock for four platforms: a package with three files, one for Windows only, a group, an extra."""
    tag = f"cp{MINOR.replace('.', '')}"
    for platform in ("manylinux_2_17_aarch64", "macosx_11_0_arm64"):
        world.index.add(Wheel("zz-made-native", "1.0", tags=(f"{tag}-{tag}-{platform}",)))
    world.index.add(COMPILED)
    world.index.add_sdist(COMPILED)
    names = ", ".join(f'"{name}"' for name in PLATFORMS)
    world.edit("pyproject.toml", '"linux-x86_64"', names)
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-native", "zz-made-app<2"')
    world.envctl("lock")
    return world


def lock_of(world: World) -> Pylock:
    return Pylock.from_dict(tomllib.loads(world.read("pylock.toml")))


def selected(world: World, platform: Platform, *options: str) -> dict[str, str]:
    """Return what PEP 751's own reading of the project's lock takes: name → version."""
    groups = [] if "--no-default-groups" in options else ["dev"]
    extras = ["plot"] if "--extra" in options else []
    environment: Any = platform.environment(MINOR)
    lock = lock_of(world)
    return {
        str(package.name): str(package.version)
        for package in lock.packages
        if package.marker is None
        or package.marker.evaluate(
            {**environment, "extras": set(extras), "dependency_groups": set(groups)},
            context="lock_file",
        )
    }


def entries(text: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Read a requirements file as its documentation has it: each requirement and its hashes."""
    for line in text.replace("\\\n", "").splitlines():
        if line and not line.startswith(("#", "-")):
            before, *hashes = line.split(" --hash=")
            yield Requirement(before), [each.strip() for each in hashes]


def chosen(text: str, platform: Platform) -> dict[str, str]:
    environment = platform.environment(MINOR)
    return {
        each.name: str(each.specifier).removeprefix("==")
        for each, _ in entries(text)
        if each.marker is None or each.marker.evaluate(environment)
    }


@pytest.fixture
def venv(tmp_path: Path, world: World) -> Path:
    folder = tmp_path / "fresh"
    world.run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    return folder


def installed(venv: Path) -> dict[str, str]:
    pairs = (path.name.removesuffix(".dist-info").split("-") for path in venv.rglob("*.dist-info"))
    return {name.replace("_", "-"): version for name, version in pairs}


def pip(venv: Path, *arguments: str) -> list[str]:
    python = str(venv / "bin" / "python")
    return [sys.executable, "-m", "pip", "--python", python, "install", "-q", *arguments]


def uv(venv: Path, *arguments: str) -> list[str]:
    python = str(venv / "bin" / "python")
    return [find_uv_bin(), "pip", "install", "-q", "--no-config", "--python", python, *arguments]


TOOLS = pytest.mark.parametrize("tool", [pip, uv])
Tool = Callable[..., list[str]]


class TestRequirements:
    @TOOLS
    @pytest.mark.parametrize("options", CHOICES)
    def test_the_real_tools_install_just_the_slice(
        self, locked: World, venv: Path, tool: Tool, options: tuple[str, ...]
    ) -> None:
        locked.envctl("export", "requirements", *options, "--output", "requirements.txt")
        locked.run(tool(venv, "--require-hashes", "-r", "requirements.txt"))
        assert installed(venv) == selected(locked, PLATFORMS["linux-x86_64"], *options)

    @pytest.mark.parametrize("name", PLATFORMS)
    @pytest.mark.parametrize("options", CHOICES)
    def test_its_markers_choose_the_same_everywhere(
        self, locked: World, name: str, options: tuple[str, ...]
    ) -> None:
        text = locked.envctl("export", "requirements", *options).stdout
        assert chosen(text, PLATFORMS[name]) == selected(locked, PLATFORMS[name], *options)
        assert "extras" not in text
        assert "dependency_groups" not in text

    def test_each_file_has_its_hash(self, locked: World) -> None:
        text = locked.envctl("export", "requirements").stdout
        found = {requirement.name: hashes for requirement, hashes in entries(text)}
        served = {f"sha256:{file.sha256}" for file in locked.index.files("zz-made-native")}
        assert len(served) == 4
        assert sorted(found["zz-made-native"]) == sorted(served)
        assert f"--index-url {locked.index.url}\n" in text
        assert f"# Platforms: {', '.join(sorted(PLATFORMS))}\n# Python: =={MINOR}.*\n" in text

    def test_one_platform_has_one_file_and_no_marker(self, locked: World, venv: Path) -> None:
        options = ("export", "requirements", "--extra", "plot", "--platform")
        for name, platform in PLATFORMS.items():
            text = locked.envctl(*options, name).stdout
            found = list(entries(text))
            assert {len(hashes) for _, hashes in found} == {1}
            assert all(each.marker is None for each, _ in found)
            assert chosen(text, platform) == selected(locked, platform, "--extra")
        (locked.root / "r.txt").write_text(locked.envctl(*options, "linux-x86_64").stdout)
        locked.run(pip(venv, "--require-hashes", "-r", "r.txt"))
        assert installed(venv) == selected(locked, PLATFORMS["linux-x86_64"], "--extra")

    def test_another_file_under_that_name_is_refused(self, locked: World, venv: Path) -> None:
        locked.envctl("export", "requirements", "-o", "requirements.txt")
        forged = Wheel("zz-made-lib", "1.1", files={"zz_made_lib.py": "forged"})
        locked.index.remove("zz-made-lib", "1.1")
        locked.index.add(forged)
        command = pip(venv, "--require-hashes", "--no-cache-dir", "-r", "requirements.txt")
        done = locked.run(command, code=1)
        assert "DO NOT MATCH THE HASHES" in done.stderr
        assert installed(venv) == {}

    def test_a_second_index_is_named_and_warned_of(self, world: World, venv: Path) -> None:
        with LocalIndex() as private:
            private.add(Wheel("zz-made-secret", "1.0"))
            world.index.add(Wheel("zz-made-secret", "99"))
            world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-secret", "zz-made-app<2"')
            world.edit(
                "pyproject.toml",
                "[tool.envctl.env]",
                f'[[tool.envctl.index]]\nname = "private"\nurl = "{private.url}"\n'
                'packages = ["zz-made-secret"]\n\n[tool.envctl.env]',
            )
            world.envctl("lock")
            done = world.envctl("export", "requirements", "-o", "requirements.txt")
            text = world.read("requirements.txt")
            assert "warning: pip cannot tie a package to an index" in done.stderr
            assert text.count("# pip asks every index below") == 1
            first, second = (line for line in text.splitlines() if line.startswith("--"))
            assert first == f"--index-url {world.index.url}"
            assert second == f"--extra-index-url {private.url}"
            world.run(pip(venv, "--require-hashes", "-r", "requirements.txt"))
            assert installed(venv)["zz-made-secret"] == "1.0"
            loose = world.envctl("export", "requirements", "--no-hashes")
            assert "can have theirs installed" in loose.stderr

    def test_it_is_the_same_bytes_from_another_folder_and_clock(self, locked: World) -> None:
        folder = locked.root / "sub"
        folder.mkdir()
        first = locked.envctl("export", "requirements", "--group", "dev").stdout
        again = locked.envctl(
            "export", "requirements", "--group", "DEV", cwd=folder, env={"TZ": "Asia/Tokyo"}
        ).stdout
        assert first == again


class TestDirect:
    """Packages from addresses, folders and repositories."""

    @pytest.fixture
    def direct(self, world: World, tmp_path: Path) -> World:
        write(Wheel("zz-made-file", "1.0"), world.root / "dist")
        repository = tmp_path / "repo"
        self.source(repository, Wheel("zz-made-git", "3.0"))
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
            world.run(["git", *words], cwd=repository)
        self.source(world.root / "local", Wheel("zz-made-local", "4.0"))
        lines = (
            f"zz-made-app @ {self.url(world)}",
            f"zz-made-git @ {'git+' + repository.as_uri()}",
            f"zz-made-local @ {(world.root / 'local').as_uri()}",
        )
        world.edit("pyproject.toml", '    "zz-made-app<2",  # the old one\n', "")
        world.edit(
            "pyproject.toml", "[dependency-groups]\n", f"[dependency-groups]\nodd = {list(lines)}\n"
        )
        return world

    @staticmethod
    def url(world: World) -> str:
        (file,) = (f for f in world.index.files("zz-made-app") if "-1.0-" in f.filename)
        return f"{world.index.origin}/files/{file.sha256[:16]}/{file.filename}"

    @staticmethod
    def source(folder: Path, wheel: Wheel) -> None:
        """Write a source tree whose backend has its wheel ready."""
        filename, content = build(wheel)
        info = f"{filename.split('-py3', maxsplit=1)[0]}.dist-info"
        folder.mkdir()
        (folder / filename).write_bytes(content)
        (folder / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "{wheel.name}"\nversion = "{wheel.version}"\n'
        )
        (folder / "backend.py").write_text(
            "import os, shutil, zipfile\n"
            "here = os.path.dirname(os.path.abspath(__file__))\n"
            f"name = {filename!r}\n"
            "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
            "    shutil.copy(os.path.join(here, name), folder)\n"
            "    return name\n"
            "def prepare_metadata_for_build_wheel(folder, config_settings=None):\n"
            "    zipfile.ZipFile(os.path.join(here, name)).extractall(folder)\n"
            f"    return {info!r}\n"
        )

    def test_an_address_is_pinned_by_its_hash(self, world: World, venv: Path) -> None:
        world.edit("pyproject.toml", '"zz-made-app<2"', f'"zz-made-app @ {self.url(world)}"')
        world.envctl("lock")
        world.envctl("export", "requirements", "-o", "requirements.txt")
        assert f"zz-made-app @ {self.url(world)} \\\n    --hash=sha256:" in world.read(
            "requirements.txt"
        )
        world.run(pip(venv, "--require-hashes", "-r", "requirements.txt"))
        assert installed(venv)["zz-made-app"] == "1.0"

    def test_what_has_no_hash_is_refused_with_hashes(self, direct: World) -> None:
        direct.envctl("lock")
        done = direct.envctl("export", "requirements", "--group", "odd", code=3)
        assert "`zz-made-git` comes from a repository" in done.stderr
        assert "--no-hashes" in done.stderr
        assert done.stdout == ""
        direct.envctl("export", "requirements")  # without that group there is nothing odd

    @TOOLS
    def test_and_is_installed_without(self, direct: World, venv: Path, tool: Tool) -> None:
        direct.envctl("lock")
        options = ("--no-hashes", "--group", "odd", "--no-default-groups")
        direct.envctl("export", "requirements", *options, "-o", "requirements.txt")
        direct.run(tool(venv, "-r", "requirements.txt"))
        assert installed(venv) == {
            "zz-made-app": "1.0",
            "zz-made-git": "3.0",
            "zz-made-lib": "1.1",
            "zz-made-local": "4.0",
        }

    def test_the_other_formats_say_where_from(self, direct: World) -> None:
        direct.envctl("lock")
        options = ("--group", "odd", "--no-default-groups")
        bill = json.loads(direct.envctl("export", "sbom", *options).stdout)
        purls = {each["name"]: each.get("purl", "") for each in bill["components"]}
        assert "download_url=http" in purls["zz-made-app"]
        assert "vcs_url=git%2Bfile:///" in purls["zz-made-git"]
        assert purls["zz-made-local"] == ""
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
        listed = yaml.safe_load(direct.envctl("export", "environment", *options).stdout)
        lines = listed["dependencies"][-1]["pip"]
        assert any(line.startswith(f"zz-made-app @ {self.url(direct)}#sha256=") for line in lines)
        assert any(line.startswith("zz-made-git @ git+file:") for line in lines)
        done = direct.envctl("export", "pylock", *options, "--platform", "linux-x86_64")
        assert "pip refuses such a lock as a whole" in done.stderr


class TestPylock:
    @pytest.mark.parametrize("name", PLATFORMS)
    def test_it_has_no_choice_left(self, locked: World, name: str) -> None:
        platform = PLATFORMS[name]
        text = locked.envctl("export", "pylock", "--extra", "plot", "--platform", name).stdout
        lock = Pylock.from_dict(tomllib.loads(text))
        assert all(
            package.marker is None and len(package.wheels or []) + bool(package.sdist) == 1
            for package in lock.packages
        )
        environment: Any = platform.environment(MINOR)
        wanted = selected(locked, platform, "--extra")
        assert {str(package.name): str(package.version) for package in lock.packages} == wanted
        assert (lock.environments or [])[0].evaluate(environment)
        assert lock.requires_python is not None
        assert lock.requires_python.contains(f"{MINOR}.0")

    @TOOLS
    def test_the_real_tools_install_from_it(self, locked: World, venv: Path, tool: Tool) -> None:
        options = ("--extra", "plot", "--platform", "linux-x86_64")
        locked.envctl("export", "pylock", *options, "-o", "pylock.linux.toml")
        preview = ["--preview-features", "pylock"] if tool is uv else []
        locked.run(tool(venv, *preview, "-r", "pylock.linux.toml"))
        assert installed(venv) == selected(locked, PLATFORMS["linux-x86_64"], "--extra")

    @TOOLS
    def test_another_platforms_is_refused_by_the_tools(
        self, locked: World, venv: Path, tool: Tool
    ) -> None:
        locked.envctl("export", "pylock", "--platform", "macos-arm64", "-o", "pylock.mac.toml")
        preview = ["--preview-features", "pylock"] if tool is uv else []
        done = locked.run(tool(venv, *preview, "-r", "pylock.mac.toml"), code=None)
        assert done.returncode != 0
        assert "platform" in done.stderr.lower() or "environment" in done.stderr.lower()
        assert installed(venv) == {}

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ((), "for one platform"),
            (("--platform", "amiga-68k"), "`amiga-68k` is not a platform"),
            (("--platform", "macos-x86_64"), "does not serve macos-x86_64"),
            (("--platform", "linux-x86_64", "--python", "3.8"), "not 3.8"),
            (("--platform", "linux-x86_64", "--python", "two"), "`two` is not a Python"),
            (("--python", MINOR), "chooses nothing"),
            (("--platform", "linux-x86_64", "-o", "pylock.a.b.toml"), "cannot name such a file"),
            (("--platform", "linux-x86_64", "-o", "linux.toml"), "cannot name such a file"),
            (("--platform", "linux-x86_64", "-o", "pylock.toml"), "does not replace it"),
            (("--platform", "linux-x86_64", "-o", "../pylock.a.toml"), "only inside the project"),
        ],
    )
    def test_what_cannot_be(self, locked: World, options: tuple[str, ...], said: str) -> None:
        before = locked.read("pylock.toml")
        done = locked.envctl("export", "pylock", *options, code=None)
        assert done.returncode in (2, 3)
        assert said in done.stderr
        assert "next:" in done.stderr
        assert done.stdout == ""
        assert locked.read("pylock.toml") == before


class TestEnvironment:
    @TOOLS
    def test_its_pip_part_installs_the_slice(self, locked: World, venv: Path, tool: Tool) -> None:
        """conda writes the lines of `pip:` into a requirements file and calls pip with it."""
        done = locked.envctl("export", "environment", "--extra", "plot", "-o", "environment.yml")
        found = yaml.safe_load(locked.read("environment.yml"))
        assert found["name"] == "demo"
        assert found["channels"] == ["conda-forge", "nodefaults"]
        assert found["dependencies"][:2] == [f"python={MINOR}", "pip"]
        assert found["variables"] == {"PYTHONHASHSEED": "0"}
        assert "CUDA_VISIBLE_DEVICES means something on one machine only" in done.stderr
        lines = found["dependencies"][2]["pip"]
        locked.write("from-conda.txt", "\n".join(lines) + "\n")
        locked.run(tool(venv, "-r", "from-conda.txt"))
        assert installed(venv) == selected(locked, PLATFORMS["linux-x86_64"], "--extra")


class TestSbom:
    @pytest.mark.parametrize("version", ["1.5", "1.6"])
    @pytest.mark.parametrize("options", [(), ("--platform", "linux-aarch64", "--extra", "plot")])
    def test_it_is_valid_and_reproducible(
        self, locked: World, version: str, options: tuple[str, ...]
    ) -> None:
        words = ("export", "sbom", "--spec-version", version, *options)
        text = locked.envctl(*words).stdout
        schema = SchemaVersion.from_version(version)
        assert JsonStrictValidator(schema).validate_str(text) is None
        assert locked.envctl(*words).stdout == text
        assert "timestamp" not in text

    def test_it_says_what_the_lock_says(self, locked: World) -> None:
        bill = json.loads(locked.envctl("export", "sbom", "--extra", "plot").stdout)
        wanted = selected(locked, PLATFORMS["windows-x86_64"], "--extra")
        assert {each["name"]: each["version"] for each in bill["components"]} == wanted
        graph = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
        assert graph["zz-made-plot==0.5"] == ["zz-made-lib==1.1", "zz-made-win==1.0"]
        assert graph["zz-made-app==1.0"] == ["zz-made-lib==1.1"]
        assert graph["project"] == [
            "zz-made-app==1.0",
            "zz-made-native==1.0",
            "zz-made-plot==0.5",
            "zz-made-test==3.0",
        ]
        native = next(each for each in bill["components"] if each["name"] == "zz-made-native")
        purl = PackageURL.from_string(native["purl"])
        assert (purl.type, purl.name, purl.version) == ("pypi", "zz-made-native", "1.0")
        assert purl.qualifiers == {"repository_url": locked.index.url}
        hashes = {ref["hashes"][0]["content"] for ref in native["externalReferences"]}
        assert hashes == {file.sha256 for file in locked.index.files("zz-made-native")}
        properties = {
            each["name"]: each["value"] for each in bill["metadata"]["component"]["properties"]
        }
        assert properties["envctl:env:CUDA_VISIBLE_DEVICES"] == "2"
        assert properties["envctl:extra"] == "plot"
        assert properties["envctl:requires-python"] == f"=={MINOR}.*"

    def test_a_platform_that_lacks_a_package_lacks_its_edge(self, locked: World) -> None:
        options = ("--extra", "plot", "--platform", "linux-x86_64")
        bill = json.loads(locked.envctl("export", "sbom", *options).stdout)
        graph = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
        assert graph["zz-made-plot==0.5"] == ["zz-made-lib==1.1"]
        lib = next(each for each in bill["components"] if each["name"] == "zz-made-lib")
        (file,) = (f for f in locked.index.files("zz-made-lib") if "-1.1-" in f.filename)
        assert lib["hashes"] == [{"alg": "SHA-256", "content": file.sha256}]

    def test_another_tools_lock_leaves_gaps_and_says_so(self, locked: World) -> None:
        text = locked.read("pylock.toml")
        locked.write("pylock.toml", text.partition("[tool.envctl]")[0].replace('"envctl"', '"uv"'))
        done = locked.envctl("export", "sbom")
        assert "graph is not complete" in done.stderr
        graph = {
            each["ref"]: each.get("dependsOn") for each in json.loads(done.stdout)["dependencies"]
        }
        assert graph["zz-made-app==1.0"] is None
        # What nobody is known to ask for hangs under the project: nothing may float freely.
        assert graph["project"] == [
            "zz-made-app==1.0",
            "zz-made-lib==1.1",
            "zz-made-native==1.0",
            "zz-made-test==3.0",
        ]


@pytest.mark.parametrize("name", ["requirements", "environment", "sbom", "pylock"])
class TestEvery:
    def platform(self, name: str) -> tuple[str, ...]:
        return ("--platform", "linux-x86_64") if name == "pylock" else ()

    @pytest.mark.parametrize(
        ("option", "said"),
        [("--group", "there are: dev"), ("--extra", "there are: plot")],
    )
    def test_an_unknown_name_is_an_error_with_the_known_ones(
        self, locked: World, name: str, option: str, said: str
    ) -> None:
        done = locked.envctl("export", name, *self.platform(name), option, "nope", code=2)
        assert "`nope`" in done.stderr
        assert said in done.stderr
        report = locked.json("export", name, *self.platform(name), option, "nope", code=2)
        assert report["error"]["code"] == "usage"

    def test_file_stdout_and_report_say_the_same(self, locked: World, name: str) -> None:
        file = {"pylock": "pylock.one.toml"}.get(name, "deep/er/file")
        text = locked.envctl("export", name, *self.platform(name)).stdout
        assert locked.json("export", name, *self.platform(name))["result"]["text"] == text
        report = locked.json("export", name, *self.platform(name), "--output", file)
        assert report["result"]["written"] is True
        assert locked.read(file) == text
        before = (locked.root / file).stat()
        again = locked.envctl("export", name, *self.platform(name), "--output", file)
        assert "up to date" in again.stderr
        assert (locked.root / file).stat() == before

    def test_the_output_is_seen_from_the_folder_of_the_call(self, locked: World, name: str) -> None:
        sub = locked.root / "sub"
        sub.mkdir()
        file = {"pylock": "pylock.one.toml"}.get(name, "file")
        locked.envctl("export", name, *self.platform(name), "--output", file, cwd=sub)
        assert [path.name for path in sub.iterdir()] == [file]

    def test_it_asks_nobody_and_leaves_the_lock_alone(self, locked: World, name: str) -> None:
        before = locked.snapshot("pylock.toml", "pyproject.toml")
        locked.index.forget_requests()
        locked.envctl("export", name, *self.platform(name))
        assert locked.index.requests == []
        assert locked.snapshot("pylock.toml", "pyproject.toml") == before

    def test_a_stale_lock_is_said(self, locked: World, name: str) -> None:
        locked.edit("pyproject.toml", '"zz-made-native", ', "")
        done = locked.envctl("export", name, *self.platform(name))
        assert "does not answer pyproject.toml any more" in done.stderr

    def test_a_secret_that_someone_put_into_the_lock_stays_there(
        self, locked: World, name: str
    ) -> None:
        locked.edit(
            "pylock.toml", "[tool.envctl.env]\n", '[tool.envctl.env]\nMY_TOKEN = "hunter2"\n'
        )
        text = locked.envctl("export", name, *self.platform(name)).stdout
        assert "hunter2" not in text
        assert "MY_TOKEN" not in text

    def test_the_lock_may_have_another_name(self, locked: World, name: str) -> None:
        plain = locked.envctl("export", name, *self.platform(name)).stdout
        (locked.root / "pylock.toml").rename(locked.root / "pylock.cpu.toml")
        project = ProjectFiles(locked.root)
        platform = "linux-x86_64" if name == "pylock" else None
        outcome = export(
            project,
            load.manifest(project),
            EXPORTS[name],
            choice=Choice(groups=("dev",), platform=platform, words=(name, *self.platform(name))),
            pip_index="https://index.example/simple",
            lock_name="pylock.cpu.toml",
        )
        same = [
            [line for line in text.splitlines() if "serialNumber" not in line]
            for text in (outcome.text, plain.replace("pylock.toml", "pylock.cpu.toml"))
        ]
        assert same[0] == same[1]
        assert "pylock.cpu.toml" in outcome.text
        assert not outcome.stale

    def test_another_tools_credentials_are_not_passed_on(self, locked: World, name: str) -> None:
        text = locked.read("pylock.toml").partition("[tool.envctl]")[0]
        text = text.replace('"envctl"', '"uv"').replace("http://", "http://token:hunter2@")
        locked.write("pylock.toml", text)
        done = locked.envctl("export", name, *self.platform(name), code=3)
        assert "may be a credential" in done.stderr
        assert "hunter2" not in done.stdout + done.stderr
