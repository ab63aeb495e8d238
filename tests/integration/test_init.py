"""``init`` on real folders: what it makes of them, and that it leaves them alone where it cannot."""

import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters.project import ProjectFiles
from envctl.adapters.toml.edit import extend_manifest
from envctl.domain.manifest.reading import parse_manifest
from envctl.domain.platforms import Platform
from envctl.domain.record import OperatingSystem, Python, Record
from envctl.domain.resolution import Interpreter
from envctl.errors import EnvctlError, ManifestError, ProjectError, RecordError
from envctl.usecases.init import InitPlan, init

HERE = Platform(os="linux", machine="x86_64")
DEFAULT = "https://main.example/simple"
RECORD = Record(
    machine_id="0123456789abcdef",
    python=Python(version="3.11.2", implementation="CPython"),
    os=OperatingSystem(name="Debian", id="debian"),
    kernel="6.1",
    architecture="x86_64",
)


def run(
    root: Path,
    *,
    record: Record = RECORD,
    version: str = "3.11.2",
    default_index: str | None = DEFAULT,
    platform: Platform = HERE,
    source: str | None = None,
    group: str | None = None,
) -> InitPlan:
    return init(
        ProjectFiles(root),
        interpreter=Interpreter(path="/usr/bin/python3", version=version),
        platform=platform,
        record=record,
        extend=extend_manifest,
        default_index=default_index,
        source=source,
        group=group,
    )


def everything(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def manifest(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def said(plan: InitPlan) -> str:
    return "\n".join(f"{note.where} {note.message}" for note in plan.notes)


def test_a_folder_with_a_requirements_file(tmp_path: Path) -> None:
    root = tmp_path / "My Vision Project"
    (root / "reqs").mkdir(parents=True)
    (root / "requirements.txt").write_text(
        "# web\nflask[async]>=2 ; python_version < '3.13'  # the web\n-r reqs/base.txt\n"
        "-c reqs/limits.txt\n--extra-index-url https://bob:s3cret@acme.example/simple\n"
    )
    (root / "reqs/base.txt").write_text("six\n")
    (root / "reqs/limits.txt").write_text("numpy<3  # cap\n")
    (root / "requirements-dev.txt").write_text("pytest\n")
    plan = run(root)
    data = manifest(root)
    assert data["project"] == {
        "name": "my-vision-project",
        "version": "0.1.0",
        "dependencies": ["flask[async]>=2 ; python_version < '3.13'", "six"],
    }
    assert data["tool"]["envctl"] == {
        "python": "3.11",
        "platforms": ["linux-x86_64"],
        "constraints": ["numpy<3"],
        "index": [
            {"name": "main-example", "url": DEFAULT},
            {"name": "acme-example", "url": "https://acme.example/simple"},
        ],
    }
    text = (root / "pyproject.toml").read_text()
    assert "    # web\n" in text
    assert "# the web\n" in text
    assert "s3cret" not in repr(everything(root) | {"requirements.txt": b""})
    assert "requirements.txt:5 the user name or password" in said(plan)
    assert "requirements-dev.txt not read" in said(plan)
    assert plan.next == ("envctl lock", "envctl sync")
    assert parse_manifest(data).dependencies[1] == "six"


def test_an_additional_index_alone_never_becomes_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("--extra-index-url https://acme.example/s\nsix\n")
    plan = run(tmp_path, default_index=None)
    assert "index" not in manifest(tmp_path)["tool"]["envctl"]
    assert "would become the only one" in said(plan)


@pytest.mark.parametrize(
    "options",
    [
        f"--extra-index-url {DEFAULT}/\n",
        f"--index-url {DEFAULT}\n--extra-index-url {DEFAULT}\n",
        f"-i {DEFAULT}\n",
    ],
)
def test_the_default_index_is_not_written_where_it_is_the_only_one(
    tmp_path: Path, options: str
) -> None:
    (tmp_path / "requirements.txt").write_text(f"{options}six\n")
    plan = run(tmp_path)
    assert "index" not in manifest(tmp_path)["tool"]["envctl"]
    assert "any package may come from it" not in said(plan)


def test_the_default_index_is_written_once(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        f"--extra-index-url https://acme.example/simple\n--extra-index-url {DEFAULT}\nsix\n"
    )
    run(tmp_path)
    urls = [index["url"] for index in manifest(tmp_path)["tool"]["envctl"]["index"]]
    assert urls == [DEFAULT, "https://acme.example/simple"]


def test_another_default_index_stays_it(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        f"-i https://mirror.example/simple\n--extra-index-url {DEFAULT}\nsix\n"
    )
    run(tmp_path)
    urls = [index["url"] for index in manifest(tmp_path)["tool"]["envctl"]["index"]]
    assert urls == ["https://mirror.example/simple", DEFAULT]


def test_two_indexes_of_one_name_get_two(tmp_path: Path) -> None:
    (tmp_path / "Pipfile").write_text(
        '[[source]]\nname = "a"\nurl = "https://a.example/s"\n'
        '[[source]]\nname = "a"\nurl = "https://b.example/s"\n'
        '[packages]\nsix = {version = "*", index = "a"}\n'
    )
    run(tmp_path, source="Pipfile")
    names = [index["name"] for index in manifest(tmp_path)["tool"]["envctl"]["index"]]
    assert names == ["a", "a-2"]


def test_of_pip_tools_files_the_source_is_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("flask\n")
    (tmp_path / "requirements.txt").write_text("flask==3.0\nclick==8.1  # via flask\n")
    plan = run(tmp_path)
    assert manifest(tmp_path)["project"]["dependencies"] == ["flask"]
    assert "requirements.txt the first `envctl lock` keeps its versions" in said(plan)


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("environment.yml", "", "environment.yml not read: `envctl init --from environment.yml`"),
        ("Pipfile", "", "Pipfile not read: `envctl init --from Pipfile` imports it"),
        ("setup.py", "", "setup.py not read: `envctl init --from setup.py` imports"),
        ("setup.cfg", "[metadata]\n", "setup.cfg not read: `envctl init --from setup.cfg` imports"),
        ("setup.cfg", "[options]\n", "setup.cfg not read: `envctl init --from setup.cfg` imports"),
        ("poetry.lock", "", "poetry.lock the first `envctl lock` keeps its versions"),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "*"\n',
            "pyproject.toml: tool.poetry not read: `envctl init --from pyproject.toml` imports",
        ),
        (
            "pyproject.toml",
            '[project]\nname = "x"\n[tool.pdm.dev-dependencies]\na = []\n',
            "pyproject.toml: tool.pdm not read: `envctl init --from pyproject.toml` imports",
        ),
        ("pyproject.toml", "[build-system]\nrequires = []\n", "its dependencies are not read"),
    ],
)
def test_what_is_not_imported_by_itself_is_named(
    tmp_path: Path, name: str, text: str, note: str
) -> None:
    (tmp_path / name).write_text(text)
    assert note in said(run(tmp_path))
    assert "not read" not in said(run(tmp_path))  # it was said once


EXISTING = """\
# our project
[project]
name = "vision"   # public name
version = "2.0"
requires-python = ">=3.12"
dependencies = [
  "numpy",  # arrays
]

# extras
[project.optional-dependencies]
plots = ["matplotlib"]

[dependency-groups]
dev = ["pytest", {include-group = "lint"}]
lint = ["ruff"]

# tools
[tool.ruff]
line-length = 100
# the end"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_existing_manifest_is_only_added_to(tmp_path: Path, newline: str) -> None:
    old = EXISTING.replace("\n", newline)
    (tmp_path / "pyproject.toml").write_bytes(old.encode())
    (tmp_path / "requirements.txt").write_text("pandas\n")
    plan = run(tmp_path)
    new = (tmp_path / "pyproject.toml").read_bytes().decode()
    added = '\n\n[tool.envctl]\npython = "3.12"\nplatforms = ["linux-x86_64"]\ngroups = ["dev"]\n'
    assert new == old + added.replace("\n", newline)
    assert "python = 3.12, because '>=3.12' leaves out this machine's 3.11.2" in said(plan)
    assert "requirements.txt not read" in said(plan)


def test_an_empty_folder(tmp_path: Path) -> None:
    root = tmp_path / "Été 2026!"
    root.mkdir()
    plan = run(root)
    assert manifest(root)["project"] == {"name": "ete-2026", "version": "0.1.0", "dependencies": []}
    assert (root / "pyproject.toml").read_text().startswith("# What this project asks for")
    assert plan.machine == "cpu-0123"
    assert (root / ".envctl/machines/cpu-0123.toml").exists()


@pytest.mark.parametrize("name", ["...", "日本", "--", "a" * 200, "numpy", 'x"\n[tool.evil]'])
def test_hostile_names_of_folders(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    try:
        root.mkdir()
    except FileExistsError:
        pytest.skip("no such name here")
    (root / "requirements.txt").write_text("numpy\n")
    run(root)
    data = manifest(root)
    assert set(data["tool"]) == {"envctl"}
    assert data["project"]["name"] != "numpy"
    parse_manifest(data)


@pytest.mark.parametrize("start", ["requirements", "existing", "empty", "setup"])
def test_running_it_twice_changes_nothing(tmp_path: Path, start: str) -> None:
    if start == "requirements":
        (tmp_path / "requirements.txt").write_text("# a\nsix\n-i https://a.example/simple\n")
    if start == "existing":
        (tmp_path / "pyproject.toml").write_text(EXISTING)
    if start == "setup":
        (tmp_path / "setup.py").write_text("raise SystemExit('never run')\n")
        (tmp_path / "requirements.txt").write_text("six\n")
    assert run(tmp_path).files
    before = everything(tmp_path)
    inode = (tmp_path / "pyproject.toml").stat().st_ino
    plan = run(tmp_path)
    assert plan.files == {}
    assert everything(tmp_path) == before
    assert (tmp_path / "pyproject.toml").stat().st_ino == inode


def test_a_project_that_its_build_describes_elsewhere_gets_a_group(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("raise SystemExit('never run')\n")
    (tmp_path / "requirements.txt").write_text("six\n")
    plan = run(tmp_path)
    data = manifest(tmp_path)
    assert "project" not in data
    assert data["dependency-groups"] == {"runtime": ["six"]}
    assert data["tool"]["envctl"]["groups"] == ["runtime"]
    assert data["tool"]["envctl"]["image"] == {"groups": ["runtime"]}
    assert "setup.py" in said(plan)


@pytest.mark.parametrize("section", ["metadata", "options", "options.extras_require"])
def test_a_setup_cfg_of_setuptools_describes_a_project(tmp_path: Path, section: str) -> None:
    (tmp_path / "setup.cfg").write_text(f"[flake8]\nmax = 1\n[{section}]\n")
    (tmp_path / "requirements.txt").write_text("six\n")
    run(tmp_path)
    data = manifest(tmp_path)
    assert "project" not in data
    assert data["dependency-groups"] == {"runtime": ["six"]}


def test_a_setup_cfg_of_other_tools_describes_none(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[flake8]\n# [options]\n")
    run(tmp_path)
    assert "project" in manifest(tmp_path)


TABLES = ("env", "gpu", "image", "profiles.cpu")


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_envctl_alone_is_no_finished_init(tmp_path: Path, table: str) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f'{EXISTING}\n[tool.envctl.{table}]\n[tool.uv]\nconstraint-dependencies = ["six<2"]\n'
    )
    run(tmp_path)
    own = manifest(tmp_path)["tool"]["envctl"]
    assert (own["groups"], own["constraints"]) == (["dev"], ["six<2"])
    assert run(tmp_path).files == {}


def test_groups_that_are_chosen_already_stay(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f'{EXISTING}\n[tool.envctl]\ngroups = ["lint"]\n')
    run(tmp_path)
    assert manifest(tmp_path)["tool"]["envctl"]["groups"] == ["lint"]


@pytest.mark.parametrize("source", [None, "requirements.txt", "pyproject.toml"])
def test_default_groups_that_somebody_took_out_stay_out(tmp_path: Path, source: str | None) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    path = tmp_path / "pyproject.toml"
    path.write_text(f"{EXISTING}\n[tool.uv]\n")
    run(tmp_path)
    path.write_text(path.read_text().replace('groups = ["dev"]\n', ""))
    assert run(tmp_path, source=source).files == {}


def test_a_group_that_an_import_makes_later_is_a_default_one(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "dev.txt").write_text("six\n")
    run(tmp_path, source="dev.txt", group="dev")
    assert manifest(tmp_path)["tool"]["envctl"]["groups"] == ["dev"]


def test_a_second_import_of_poetry_has_nothing_to_add(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npython = "^3.9"\n'
        'six = {version = "*", optional = true}\n[tool.poetry.extras]\nlegacy = ["six"]\n'
        '[tool.poetry.group.dev.dependencies]\npytest = "*"\n'
    )
    first = run(tmp_path, source="pyproject.toml")
    assert manifest(tmp_path)["dependency-groups"]["legacy"] == ["six"]
    second = run(tmp_path, source="pyproject.toml")
    assert second.files == {}
    assert "legacy" in said(first)
    assert "tool.envctl.groups" not in said(second)


def test_a_line_left_out_stays_with_the_dependencies(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("click\n-e .\n# caps\n-c c.txt\n")
    (tmp_path / "c.txt").write_text("six<2\n-e ./there\n")
    run(tmp_path)
    text = (tmp_path / "pyproject.toml").read_text()
    dependencies, _, constraints = text.partition("constraints = [")
    assert "# not carried over (requirements.txt:2): -e ." in dependencies
    assert "# caps" in constraints
    assert "# not carried over (c.txt:2): -e ./there" in constraints
    assert constraints.count("not carried over") == 1
    assert run(tmp_path, source="requirements.txt").files == {}


def test_a_pipe_and_a_device_are_no_files_to_import(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    for name in ("pipe.txt", "zero.txt"):
        with pytest.raises(ProjectError, match="a pipe, a socket or a device") as info:
            run(tmp_path, source=name)
        assert info.value.hint
    assert not (tmp_path / "pyproject.toml").exists()


def test_requirements_fill_a_manifest_that_names_no_dependencies(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n\n# end\n')
    (tmp_path / "requirements.txt").write_text("six\n")
    run(tmp_path)
    text = (tmp_path / "pyproject.toml").read_text()
    assert 'version = "1"\ndependencies = [\n    "six",\n]\n\n# end\n' in text


def test_dynamic_dependencies_are_the_users_to_decide(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\ndynamic = ["dependencies"]\n'
    )
    (tmp_path / "requirements.txt").write_text("six\n")
    plan = run(tmp_path)
    assert "dependencies" not in manifest(tmp_path)["project"]
    assert "pyproject.toml: project.dynamic list the dependencies" in said(plan)


def test_settings_of_uv_are_converted(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["acme"]\n'
        '[tool.uv]\nconstraint-dependencies = ["numpy<3"]\noverride-dependencies = ["six"]\n'
        '[tool.uv.sources]\nacme = { index = "acme" }\n'
        '[[tool.uv.index]]\nname = "acme"\nurl = "https://acme.example/simple"\nexplicit = true\n'
    )
    plan = run(tmp_path)
    own = manifest(tmp_path)["tool"]["envctl"]
    assert own["constraints"] == ["numpy<3"]
    assert own["index"] == [
        {"name": "acme", "url": "https://acme.example/simple", "packages": ["acme"]}
    ]
    assert "tool.uv.override-dependencies" in said(plan)


def test_the_pinned_python_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("# pyenv\n3.12.4\n")
    run(tmp_path)
    assert manifest(tmp_path)["tool"]["envctl"]["python"] == "3.12"


def test_a_second_machine_is_recorded_and_told_about_its_platform(tmp_path: Path) -> None:
    run(tmp_path)
    other = Record(
        machine_id="fedcba9876543210",
        python=RECORD.python,
        os=RECORD.os,
        kernel="6.1",
        architecture="aarch64",
    )
    plan = run(tmp_path, record=other, platform=Platform(os="linux", machine="aarch64"))
    assert list(plan.files) == [".envctl/machines/cpu-fedc.toml"]
    assert "this machine is linux-aarch64" in said(plan)


def test_the_name_of_another_machine_is_refused(tmp_path: Path) -> None:
    def named(machine_id: str) -> Record:
        return Record(
            name="lab",
            machine_id=machine_id,
            python=RECORD.python,
            os=RECORD.os,
            kernel="6.1",
            architecture="x86_64",
        )

    run(tmp_path, record=named("a" * 16))
    before = everything(tmp_path)
    with pytest.raises(RecordError, match="another machine"):
        run(tmp_path, record=named("b" * 16))
    assert everything(tmp_path) == before
    assert run(tmp_path, record=RECORD).machine == "cpu-0123"


def test_git_sees_what_is_shared_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    run(tmp_path)
    (tmp_path / ".envctl/envs/x").mkdir(parents=True)
    (tmp_path / ".venv").symlink_to(".envctl/envs/x")
    for name in ("envs/x/f", "local.toml", "state.lock", "cache/f", "runs/f", "image/preflight.py"):
        (tmp_path / ".envctl" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".envctl" / name).write_text("x")
    seen = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain", "-uall"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert seen == [
        "?? .envctl/image/preflight.py",
        "?? .envctl/machines/cpu-0123.toml",
        "?? .gitignore",
        "?? pyproject.toml",
    ]


def test_an_ignored_envctl_folder_is_noted(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text(".envctl/\n")
    assert "it hides all of .envctl" in said(run(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "error", "where"),
    [
        ("pyproject.toml", b"[project\n", ManifestError, "pyproject.toml:1:9"),
        (
            "pyproject.toml",
            b"a = 1\n<<<<<<< HEAD\nb = 1\n=======\nb = 2\n>>>>>>> x\n",
            ManifestError,
            "pyproject.toml:2",
        ),
        ("pyproject.toml", b"# caf\xe9\n", ProjectError, "pyproject.toml:1"),
        (
            "pyproject.toml",
            b'[tool.envctl]\npyhton = "3.11"\n',
            ManifestError,
            "pyproject.toml: tool.envctl.pyhton",
        ),
        (
            "pyproject.toml",
            b'[project]\nname = "x"\nversion = "1"\ndependencies = ["numpy=>1"]\n',
            ManifestError,
            "pyproject.toml: project.dependencies[0]",
        ),
        ("pyproject.toml", b"project = 1\n", ManifestError, "project"),
        ("requirements.txt", b"six\nnumpy=>1\n", ManifestError, "requirements.txt:2"),
        ("requirements.txt", b"# caf\xe9\n", ProjectError, "requirements.txt:1"),
        (".gitignore", b"\xff\n", ProjectError, ".gitignore:1"),
    ],
)
def test_bad_input_has_one_message_with_its_place_and_changes_nothing(
    tmp_path: Path, name: str, content: bytes, error: type[EnvctlError], where: str
) -> None:
    (tmp_path / name).write_bytes(content)
    before = everything(tmp_path)
    with pytest.raises(error) as info:
        run(tmp_path)
    assert (info.value.where or "").endswith(where)
    assert info.value.hint
    assert everything(tmp_path) == before


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own: permissions do not stop root, a full or read-only disk does."""
    root = tmp_path / "disk"
    root.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(root)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    yield root
    subprocess.run(["umount", str(root)], check=True)


def test_a_full_disk_leaves_everything_as_it_was(mount: Path) -> None:
    (mount / "pyproject.toml").write_text(EXISTING)
    (mount / "ballast").write_bytes(b"x" * 8192)
    before = everything(mount)
    with pytest.raises(ProjectError, match="no space left") as info:
        run(mount)
    assert "make room" in (info.value.hint or "")
    assert everything(mount) == before
    assert not (mount / ".envctl").exists()


def test_a_read_only_folder_leaves_everything_as_it_was(mount: Path) -> None:
    (mount / "pyproject.toml").write_text(EXISTING)
    before = everything(mount)
    subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
    with pytest.raises(ProjectError, match="read-only file system") as info:
        run(mount)
    assert info.value.where
    with pytest.raises(ProjectError, match="read-only"), ProjectFiles(mount).locked("try"):
        pass
    assert everything(mount) == before
