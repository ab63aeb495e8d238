"""What an image can do to pass for the lock's: each is found, by the real evidence of a synced project.

The images are made in memory as `docker save` writes them (the real engine's are in tests/system/test_image_verify.py):
an environment as it was synced, on a small base. Each hostile one is the honest one with a layer on top, or changed.
"""

import base64
import dataclasses
import hashlib
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters import image_files
from envctl.bootstrap import services
from envctl.domain.finding import Finding
from envctl.domain.image.described import Described
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.domain.resolution import Interpreter
from envctl.errors import ImageError, InterpreterError, NoEngineError
from envctl.usecases import image as image_usecase
from envctl.usecases.image_promise import described, promise
from envctl.usecases.image_verify import Doors, ImageReport, verify_image
from envctl.usecases.surroundings import Surroundings
from tests.image_archive import File, Saved, Tree, parents
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World

UV = "uv==0.9.0 --hash=sha256:" + "0" * 64 + "\n"
SITE = f"opt/venv/lib/python{MINOR}/site-packages"
WHERE = SITE.removeprefix("opt/venv/")
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.b64encode(b"x" * 60) + b"\n"
MANIFEST = """
[project]
name = "demo"
version = "0.1.0"
dependencies = ["zz-made-app"]

[dependency-groups]
dev = ["zz-made-test"]

[tool.envctl]
python = "{minor}"
platforms = ["linux-x86_64"]
groups = ["dev"]

[[tool.envctl.index]]
name = "team"
url = "{index}"

[tool.envctl.env]
PYTHONHASHSEED = "0"

[tool.envctl.image]
base = "registry.example/python:{minor}-slim-bookworm@sha256:{digest}"
source = ["src"]
command = ["python", "-m", "app"]
"""


@dataclasses.dataclass
class Case:
    """A synced project, an honest image of it, and a way to have an image proved."""

    world: World
    honest: Saved
    surroundings: Surroundings
    doors: Doors
    manifest: Manifest
    lock: Lock

    def report(self, saved: Saved, **doors: Any) -> ImageReport:
        contents = image_files.read(saved.chunks(), "team/demo:1")
        opened = dataclasses.replace(
            self.doors,
            **{"contents": lambda _: contents, "layers": lambda _: self.honest.base} | doors,
        )
        return verify_image(self.surroundings, opened, self.manifest, self.lock, "team/demo:1")

    def found(self, saved: Saved, **doors: Any) -> set[tuple[str, str]]:
        report = self.report(saved, **doors)
        return {(each.code, each.subject) for each in report.findings}

    def on_top(self, *layers: Tree) -> Saved:
        saved = self.honest.copy()
        saved.layers += layers
        return saved


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    root, cache = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("cache")
    with LocalIndex(mode="html") as index, pytest.MonkeyPatch.context() as patch:
        index.add(
            Wheel(
                "zz-made-app",
                "1.0",
                requires=("zz-made-lib",),
                entry_points={"zz-app": "zz_made_app:main"},
            ),
            # A key for its tests: part of the wheel, and no secret of this image.
            Wheel(
                "zz-made-lib", "1.1", files={"zz_made_lib/__init__.py": "", "zz_made_lib/key": KEY}
            ),
            Wheel("zz-made-test", "3.0"),
        )
        patch.setenv("UV_CACHE_DIR", str(cache))
        world = World(root=root, index=index, environ={"UV_CACHE_DIR": str(cache)})
        text = MANIFEST.format(minor=MINOR, index=index.url, digest="d" * 64)
        world.write("pyproject.toml", text)
        world.write("src/app/__main__.py", "print('ran')\n")
        world.write(".envctl/image/uv.txt", UV)
        world.envctl("lock")
        world.envctl("sync")
        world.envctl("dockerize")
        yield _case(world)


@pytest.fixture(autouse=True)
def _cache(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test forgets the variables of the machine; this one the wheels of `case` lie behind."""
    monkeypatch.setenv("UV_CACHE_DIR", case.world.environ["UV_CACHE_DIR"])


def _case(world: World) -> Case:
    opened = services(world.root)
    manifest, lock = image_usecase.of(opened.project, lambda each, _: each, None)
    around = Surroundings(
        project=opened.project,
        environments=opened.environments,
        here=opened.here,
        inspect=opened.environments.inspect,
        record=opened.record,
        environ=opened.environ,
        workshop=lambda: opened.workshop,
    )
    doors = opened.proof_doors()
    return Case(world, _honest(world, doors, manifest, lock, around), around, doors, manifest, lock)


def _honest(
    world: World, doors: Doors, manifest: Manifest, lock: Lock, around: Surroundings
) -> Saved:
    wanted = promise(
        around.project,
        described(around.project, manifest, lock, doors.paths()),
        "x86_64",
        doors.hashes,
    )
    config = {
        "User": "10001:0",
        "Env": [
            "PATH=/opt/venv/bin:/usr/bin",
            "LANG=C.UTF-8",
            *(f"{k}={v}" for k, v in wanted.env.items()),
        ],
        "Labels": dict(wanted.labels),
        "Entrypoint": list(wanted.entrypoint),
        "Cmd": ["python", "-m", "app"],
        "WorkingDir": "/app",
    }
    base: Tree = {
        f"usr/bin/python{MINOR}": File(b"\x7fELF python", mode=0o755),
        "usr/bin/python3": File(target=f"python{MINOR}"),
        f"usr/lib/python{MINOR}/os.py": File(b"# os\n"),
        "usr/bin/su": File(b"su", mode=0o4755),
        "etc/passwd": File(b"root:x:0:0::/root:/bin/sh\n"),
        "etc/os-release": File(b"VERSION_CODENAME=bookworm\n"),
        "etc/ld.so.conf": File(b"include /etc/ld.so.conf.d/*.conf\n"),
        "root/.bashrc": File(b""),
        "usr/lib/x86_64-linux-gnu/libc.so.6": File(b"\x7fELF libc"),
    }
    environment: Tree = {
        "opt/venv/pyvenv.cfg": File(
            f"home = /usr/bin\nversion = {MINOR}.2\nrelocatable = true\ninclude-system-site-packages = false\n".encode()
        ),
        "opt/venv/bin/python": File(target="/usr/bin/python3"),
        "opt/venv/bin/python3": File(target="python"),
        f"opt/venv/bin/python{MINOR}": File(target="python"),
        "opt/venv/lib64": File(target="lib"),
    }
    top = world.site.resolve().parents[2]
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top).as_posix()
        taken = name.startswith(f"{WHERE}/zz_made_") or name == "bin/zz-app"
        if taken and path.is_file() and "zz_made_test" not in name and "__pycache__" not in name:
            environment[f"opt/venv/{name}"] = File(path.read_bytes(), mode=0o555)
    own: Tree = {
        f"opt/envctl/{name}": File((world.root / ".envctl/image" / name).read_bytes())
        for name in ("contract.json", "preflight.py")
    }
    own["opt/envctl/fingerprint"] = File(b"0" * 64)
    own["app/src/app/__main__.py"] = File(b"print('ran')\n", mode=0o555)
    own["etc/passwd"] = File(b"root:x:0:0::/root:/bin/sh\napp:x:10001:0::/var/cache/app:/bin/sh\n")
    layers = [{**parents([*tree]), **tree} for tree in (base, environment, own)]
    return Saved(layers=layers, config=config, history=["FROM base", "COPY /opt/venv", "COPY own"])


def test_an_honest_image_is_proved(case: Case) -> None:
    report = case.report(case.honest)
    assert report.findings == ()
    assert report.said.startswith("2 packages, ")
    assert "of 2 compared with their wheels" in report.said
    packed = case.honest.copy()
    packed.packed = True  # as a containerd image store saves them
    assert case.found(packed) == set()


INIT = f"{SITE}/zz_made_app/__init__.py"
APP = f"{WHERE}/zz_made_app"
_Change = Callable[[Case], Saved]


def _env(name: str, value: str) -> _Change:
    def change(case: Case) -> Saved:
        saved = case.honest.copy()
        rest = [each for each in saved.config["Env"] if not each.startswith(f"{name}=")]
        saved.config["Env"] = [*rest, f"{name}={value}"]
        return saved

    return change


def _config(**changes: Any) -> _Change:
    def change(case: Case) -> Saved:
        saved = case.honest.copy()
        saved.config |= changes
        return saved

    return change


def _layer(tree: Tree) -> _Change:
    return lambda case: case.on_top(tree)


def _history(text: str) -> _Change:
    def change(case: Case) -> Saved:
        saved = case.on_top({"app/x": File(None)})
        saved.history.append(text)
        return saved

    return change


_PLAIN = "include-system-site-packages = false\n"


def _configuration(text: str) -> _Change:
    return _layer({"opt/venv/pyvenv.cfg": File(text.encode())})


def _rewritten(case: Case) -> Saved:
    """An altered file, and a RECORD, a fingerprint and a preflight that all say it is right."""
    evil = b"import os\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(evil).digest()).rstrip(b"=").decode()
    record = f"{SITE}/zz_made_app-1.0.dist-info/RECORD"
    text = (case.honest.layers[1][record].content or b"").decode()
    lines = [
        f"zz_made_app/__init__.py,sha256={digest},{len(evil)}"
        if line.startswith("zz_made_app/__init__.py,")
        else line
        for line in text.splitlines()
    ]
    return case.on_top(
        {
            INIT: File(evil),
            record: File("\n".join([*lines, ""]).encode()),
            "opt/envctl/fingerprint": File(b"1" * 64),
            "opt/envctl/preflight.py": File(b"raise SystemExit(0)\n"),
        }
    )


def _unchecked() -> bytes:
    """A byte-compiled file that is never compared with its source (PEP 552)."""
    import importlib.util

    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + b"code"


HOSTILE: dict[str, tuple[_Change, set[tuple[str, str]]]] = {
    "a file altered": (_layer({INIT: File(b"evil")}), {("image-differs", f"{APP}/__init__.py")}),
    "a file added to a package": (
        _layer({f"{SITE}/zz_made_app/more.py": File()}),
        {("image-differs", f"{APP}/more.py")},
    ),
    "a module beside the packages": (
        _layer({f"{SITE}/sitecustomize.py": File()}),
        {("image-differs", f"{WHERE}/sitecustomize.py")},
    ),
    "a .pth": (
        _layer({f"{SITE}/x.pth": File(b"import os")}),
        {("image-differs", f"{WHERE}/x.pth")},
    ),
    "a program": (
        _layer({"opt/venv/bin/nvidia-smi": File(mode=0o755)}),
        {("image-differs", "bin/nvidia-smi")},
    ),
    "a whiteout": (
        _layer({f"{SITE}/zz_made_app/.wh.__init__.py": File()}),
        {("image-differs", f"{APP}/__init__.py")},
    ),
    "an opaque folder": (
        _layer({f"{SITE}/zz_made_lib/.wh..wh..opq": File()}),
        {
            ("image-differs", f"{WHERE}/zz_made_lib/__init__.py"),
            ("image-differs", f"{WHERE}/zz_made_lib/key"),
        },
    ),
    "a package taken away": (
        _layer(
            {
                f"{SITE}/.wh.zz_made_lib": File(),
                f"{SITE}/.wh.zz_made_lib-1.1.dist-info": File(),
            }
        ),
        {("image-differs", "zz-made-lib")},
    ),
    "a package too many": (
        _layer(
            {f"{SITE}/zz_more-1.0.dist-info/METADATA": File(b"Name: zz-more\nVersion: 1.0\n\n")}
        ),
        {
            ("image-differs", "zz-more"),
            ("image-differs", f"{WHERE}/zz_more-1.0.dist-info/METADATA"),
        },
    ),
    "metadata that tells another version": (
        _layer(
            {
                f"{SITE}/zz_made_lib-1.1.dist-info/METADATA": File(
                    b"Name: zz-made-lib\nVersion: 9\n\n"
                )
            }
        ),
        {
            ("image-differs", "zz_made_lib-1.1.dist-info"),
            ("image-differs", f"{WHERE}/zz_made_lib-1.1.dist-info/METADATA"),
        },
    ),
    "everything that vouches rewritten": (
        _rewritten,
        {
            ("image-differs", f"{APP}/__init__.py"),
            ("image-differs", f"{WHERE}/zz_made_app-1.0.dist-info/RECORD"),
            ("image-differs", "/opt/envctl/preflight.py"),
        },
    ),
    "a link out of the environment": (
        _layer({INIT: File(target="/app/evil.py")}),
        {("image-differs", f"{APP}/__init__.py")},
    ),
    "a hard link to another file": (
        _layer({"tmp2": File(b"evil"), INIT: File(target="tmp2", kind=b"1")}),
        {("image-differs", f"{APP}/__init__.py"), ("image-differs", "/")},
    ),
    "a package behind a link": (
        lambda case: case.on_top({f"{SITE}/zz_made_lib": File(target="/app/lib")}),
        {
            ("image-differs", f"{WHERE}/zz_made_lib"),
            ("image-differs", f"{WHERE}/zz_made_lib/__init__.py"),
            ("image-differs", f"{WHERE}/zz_made_lib/key"),
        },
    ),
    "byte code that is not its source's": (
        _layer({f"{SITE}/zz_made_app/__pycache__/__init__.cpython-311.pyc": File(_unchecked())}),
        {("image-differs", f"{APP}/__pycache__/__init__.cpython-311.pyc")},
    ),
    "an environment that others can write": (
        _layer({INIT: File(None, mode=0o777)}),
        {("image-differs", "/opt/venv"), ("image-differs", f"{APP}/__init__.py")},
    ),
    "an interpreter of its own": (
        _layer({"opt/venv/bin/python": File(b"\x7fELF", mode=0o755)}),
        {
            ("image-shadowed", "/opt/venv/bin/python"),
            ("image-shadowed", "/opt/venv/bin/python3"),
            ("image-shadowed", f"/opt/venv/bin/python{MINOR}"),
            ("image-shadowed", "/opt/venv/pyvenv.cfg"),
        },
    ),
    "another interpreter": (
        _layer(
            {
                "opt/venv/bin/python": File(target=f"/srv/python{MINOR}"),
                f"srv/python{MINOR}": File(b"\x7fELF"),
            }
        ),
        {
            ("image-shadowed", "/opt/venv/bin/python"),
            ("image-shadowed", "/opt/venv/bin/python3"),
            ("image-shadowed", f"/opt/venv/bin/python{MINOR}"),
            ("image-shadowed", "/opt/venv/pyvenv.cfg"),
            ("image-differs", "/"),
        },
    ),
    "another interpreter, and a configuration that leads to it": (
        _layer(
            {
                "opt/venv/bin/python": File(target=f"/srv/bin/python{MINOR}"),
                f"srv/bin/python{MINOR}": File(b"\x7fELF"),
                "opt/venv/pyvenv.cfg": File(
                    f"home = /srv/bin\nversion = {MINOR}.2\n{_PLAIN}".encode()
                ),
            }
        ),
        {
            ("image-shadowed", "/opt/venv/bin/python"),
            ("image-shadowed", "/opt/venv/bin/python3"),
            ("image-shadowed", f"/opt/venv/bin/python{MINOR}"),
            ("image-differs", "/"),
        },
    ),
    "the right interpreter, from a folder with another library": (
        _layer(
            {
                "srv/bin/python3": File(target="/usr/bin/python3"),
                f"srv/lib/python{MINOR}/os.py": File(b"evil"),
                "opt/venv/pyvenv.cfg": File(
                    f"home = /srv/bin\nversion = {MINOR}.2\n{_PLAIN}".encode()
                ),
            }
        ),
        {
            ("image-shadowed", "/opt/venv/pyvenv.cfg"),
            ("image-shadowed", f"/srv/lib/python{MINOR}/os.py"),
            ("image-differs", "/"),
        },
    ),
    "a folder of the interpreter that is a link": (
        _layer(
            {
                "srv/bin": File(target="/usr/bin"),
                f"srv/lib/python{MINOR}/os.py": File(b"evil"),
                "opt/venv/pyvenv.cfg": File(
                    f"home = /srv/bin\nversion = {MINOR}.2\n{_PLAIN}".encode()
                ),
            }
        ),
        {
            ("image-shadowed", "/opt/venv/pyvenv.cfg"),
            ("image-shadowed", f"/srv/lib/python{MINOR}/os.py"),
            ("image-differs", "/"),
        },
    ),
    "a library nearer to the interpreter": (
        _layer({f"usr/bin/lib/python{MINOR}/os.py": File(b"evil")}),
        {("image-shadowed", f"/usr/bin/lib/python{MINOR}/os.py")},
    ),
    "the zip file that comes before the library": (
        _layer({f"usr/lib/python{MINOR.replace('.', '')}.zip": File(b"PK")}),
        {("image-shadowed", f"/usr/lib/python{MINOR.replace('.', '')}.zip")},
    ),
    "an interpreter that was not installed": (
        _layer({"usr/bin/pybuilddir.txt": File(b"../../app")}),
        {("image-shadowed", "/usr/bin/pybuilddir.txt")},
    ),
    "a library that the loader finds first": (
        _layer({"usr/local/lib/libz.so.1": File(b"\x7fELF"), "etc/ld.so.cache": File(b"evil")}),
        {("image-shadowed", "/etc/ld.so.cache"), ("image-differs", "/")},
    ),
    "another folder": (_config(WorkingDir="/srv"), {("image-shadowed", "WORKDIR")}),
    "a health check": (
        _config(Healthcheck={"Test": ["CMD", "python", "-c", "evil"]}),
        {("image-differs", "HEALTHCHECK")},
    ),
    "instructions for other images": (
        _config(OnBuild=["RUN evil"]),
        {("image-differs", "ONBUILD")},
    ),
    "a module in the source's folder that comes before a package": (
        _layer({"app/zz_made_app.py": File(b"evil")}),
        {("image-shadowed", "/app/zz_made_app.py"), ("image-differs", "/app")},
    ),
    "a module in the source's folder that comes before Python's": (
        _layer({"app/src/json/__init__.py": File(b"evil")}),
        {("image-shadowed", "/app/src/json/__init__.py"), ("image-differs", "/app")},
    ),
    "packages of the system, by a second line": (
        _configuration(
            f"home = /usr/bin\nversion = {MINOR}.2\n{_PLAIN}include-SYSTEM-site-packages=TRUE\n"
        ),
        {("image-shadowed", "/opt/venv/pyvenv.cfg")},
    ),
    "packages of the system, by no line": (
        _configuration(f"home = /usr/bin\nversion = {MINOR}.2\n"),
        {("image-shadowed", "/opt/venv/pyvenv.cfg")},
    ),
    "another standard library": (
        _configuration(f"home = /app/bin\nhome = /usr/bin\nversion = {MINOR}.2\n{_PLAIN}"),
        {("image-shadowed", "/opt/venv/pyvenv.cfg")},
    ),
    "another version": (
        _configuration(f"home = /usr/bin\nversion = 3.1\n{_PLAIN}"),
        {("image-differs", "python")},
    ),
    "a module of Python's own changed": (
        _layer({f"usr/lib/python{MINOR}/os.py": File(b"evil")}),
        {("image-shadowed", f"/usr/lib/python{MINOR}/os.py")},
    ),
    "sitecustomize on the path of the base": (
        _layer({f"usr/lib/python{MINOR}/sitecustomize.py": File()}),
        {("image-shadowed", f"/usr/lib/python{MINOR}/sitecustomize.py")},
    ),
    "sitecustomize in the source": (
        _layer({"app/src/sitecustomize.py": File()}),
        {("image-shadowed", "/app/src/sitecustomize.py"), ("image-differs", "/app")},
    ),
    "the loader's list": (
        _layer({"etc/ld.so.preload": File(b"/app/evil.so\n")}),
        {("image-shadowed", "/etc/ld.so.preload")},
    ),
    "the loader's folders": (
        _layer({"etc/ld.so.conf.d/a.conf": File(b"/app/lib\n")}),
        {("image-shadowed", "/etc/ld.so.conf.d/a.conf")},
    ),
    "another libc": (
        _layer({"usr/lib/x86_64-linux-gnu/libc.so.6": File(b"evil")}),
        {("image-shadowed", "/usr/lib/x86_64-linux-gnu/libc.so.6")},
    ),
    "a path before the environment": (
        _env("PATH", "/app/bin:/opt/venv/bin:/usr/bin"),
        {("image-shadowed", "PATH")},
    ),
    "PYTHONPATH": (_env("PYTHONPATH", "/app/lib:/app/src"), {("image-shadowed", "PYTHONPATH")}),
    "PYTHONHOME": (_env("PYTHONHOME", "/app"), {("image-shadowed", "PYTHONHOME")}),
    "a proxy": (_env("https_proxy", "http://x.example"), {("image-differs", "https_proxy")}),
    "a proxy with a login": (
        _env("HTTPS_PROXY", "http://me:hunter22@x.example"),
        {("image-secret", "HTTPS_PROXY")},
    ),
    "another authority": (_env("SSL_CERT_FILE", "/app/x"), {("image-differs", "SSL_CERT_FILE")}),
    "a file of the base changed": (
        _layer({"root/.bashrc": File(b"evil")}),
        {("image-differs", "base")},
    ),
    "LD_PRELOAD": (_env("LD_PRELOAD", "/app/x.so"), {("image-shadowed", "LD_PRELOAD")}),
    "LD_LIBRARY_PATH": (_env("LD_LIBRARY_PATH", "/app"), {("image-shadowed", "LD_LIBRARY_PATH")}),
    "a preflight that is off": (
        _env("ENVCTL_PREFLIGHT", "off"),
        {("image-differs", "ENVCTL_PREFLIGHT")},
    ),
    "another value": (_env("PYTHONHASHSEED", "7"), {("image-differs", "PYTHONHASHSEED")}),
    "a device of one machine": (
        _env("CUDA_VISIBLE_DEVICES", "2"),
        {("image-differs", "CUDA_VISIBLE_DEVICES")},
    ),
    "a secret in a variable": (_env("HF_TOKEN", "x" * 20), {("image-secret", "HF_TOKEN")}),
    "another entry point": (
        _config(Entrypoint=["/bin/sh"]),
        {("image-differs", "ENTRYPOINT")},
    ),
    "no entry point": (_config(Entrypoint=None), {("image-differs", "ENTRYPOINT")}),
    "root": (_config(User="0:0"), {("image-differs", "USER")}),
    "no user": (_config(User=""), {("image-differs", "USER")}),
    "a volume over the environment": (
        _config(Volumes={"/opt/venv/lib": {}}),
        {("image-shadowed", "VOLUME")},
    ),
    "a secret that a later layer removes": (
        lambda case: case.on_top(
            {"root/.netrc": File(b"machine x login y password z")}, {"root/.wh..netrc": File()}
        ),
        {("image-secret", "/root/.netrc")},
    ),
    "a key with an innocent name": (
        _layer({"srv/data.bin": File(b"\0\1" + KEY)}),
        {("image-secret", "/srv/data.bin"), ("image-differs", "/")},
    ),
    "a secret in the history": (
        _history("RUN |1 API_TOKEN=abcdefgh /bin/sh -c pip install x"),
        {("image-secret", "history, step 4")},
    ),
    "an address with a password in the history": (
        _history("RUN pip install -i https://me:hunter22@index.example/simple x"),
        {("image-secret", "history, step 4")},
    ),
    "setuid": (
        _layer({"srv/run": File(mode=0o4755)}),
        {("image-setuid", "/srv/run"), ("image-differs", "/")},
    ),
    "capabilities": (
        _layer({"srv/run": File(mode=0o755, headers={"SCHILY.xattr.security.capability": "x"})}),
        {("image-setuid", "/srv/run"), ("image-differs", "/")},
    ),
    "caches": (
        _layer({"root/.cache/uv/x": File(b"x"), "var/lib/apt/lists/x_Packages": File(b"x")}),
        {
            ("image-leftover", "caches of a home folder"),
            ("image-leftover", "apt's lists"),
            ("image-differs", "/"),
        },
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_is_found_out(case: Case, name: str) -> None:
    change, expected = HOSTILE[name]
    report = case.report(change(case))
    assert {(each.code, each.subject) for each in report.findings} == expected
    # A base image of a company's own may set these.
    warned = ("a device of one machine", "a proxy", "another authority")
    assert report.fails() is (name not in warned)


def test_lines_of_the_user_s_may_bring_files(case: Case) -> None:
    """What they bring, only an engine knows; what Python runs first is not theirs to bring."""
    text = case.world.read("Dockerfile")
    case.world.write("Dockerfile", f"{text}COPY data /srv/data\nHEALTHCHECK CMD true\nWORKDIR ..\n")
    try:
        saved = case.on_top(
            {
                "srv/data/x": File(),
                "root/.bashrc": File(b"x"),
                "etc/ld.so.cache": File(b"x"),
                "app/data": File(),
            }
        )
        saved.config |= {"Healthcheck": {"Test": ["CMD-SHELL", "true"]}, "WorkingDir": "/"}
        report = case.report(saved)
        assert {(each.code, each.subject) for each in report.findings} == {
            ("image-differs", "base"),
            ("image-differs", "/app"),
        }
        assert not report.fails()
        evil = case.on_top({f"usr/lib/python{MINOR}/json.py": File()})
        evil.config |= saved.config
        assert case.found(evil) == {("image-shadowed", f"/usr/lib/python{MINOR}/json.py")}
    finally:
        case.world.write("Dockerfile", text)


def _compiled(case: Case, source: bytes, code: bytes | None = None) -> bytes:
    """What uv's installer makes of a source, or makes it seem: `code` instead, with the source's own hash."""
    import importlib.util
    import marshal

    made = compile(source if code is None else code, f"/{INIT}", "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + (3).to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(made)


def _byte_compiled(case: Case, code: bytes | None, version: str, tag: str = "") -> Saved:
    source = case.honest.layers[1][INIT].content or b""
    ending = tag or f"cpython-{MINOR.replace('.', '')}"
    home = f"home = /usr/bin\nversion = {version}\n{_PLAIN}"
    return case.on_top(
        {
            f"{SITE}/zz_made_app/__pycache__/__init__.{ending}.pyc": File(
                _compiled(case, source, code)
            ),
            "opt/venv/pyvenv.cfg": File(home.encode()),
        }
    )


PYC = f"{APP}/__pycache__/__init__.cpython-{MINOR.replace('.', '')}.pyc"
HERE = platform.python_version()


def test_byte_code_must_be_what_python_compiles_of_its_source(case: Case) -> None:
    """A checked hash proves the source, not the code beside it: Python runs that all the same."""
    assert case.found(_byte_compiled(case, None, HERE)) == set()
    lying = _byte_compiled(case, b"import os; os.evil = 1", HERE)
    assert case.found(lying) == {("image-differs", PYC)}
    # From uv's cache it is known as well.
    lying_still = case.found(lying, of_environment=lambda _p, _s: None)
    assert lying_still == {("image-differs", PYC)}


def test_byte_code_of_another_release_is_not_judged(case: Case) -> None:
    """Another patch release may compile otherwise: what differs is said to be unproved, what agrees is proved."""
    other = f"{MINOR}.99"
    assert case.found(_byte_compiled(case, None, other)) == set()
    lying = _byte_compiled(case, b"evil = 1", other)
    assert case.found(lying) == {("image-unproved", "bytecode")}
    # The base image's own word counts more than that of the environment.
    base = case.honest.copy()
    header = f"usr/include/python{MINOR}/patchlevel.h"
    base.layers[0][header] = File(f'#define PY_VERSION      "{HERE}"\n'.encode())
    base.layers.append(lying.layers[-1])
    assert case.found(base, layers=lambda _: base.base) == {("image-differs", PYC)}


def test_the_very_release_of_the_image_is_asked_for_first(case: Case) -> None:
    asked: list[str] = []
    own = Interpreter(path=sys.executable, version=HERE)

    def known(python: str) -> Interpreter:
        asked.append(python)
        if python == f"{MINOR}.99":
            raise InterpreterError("none", hint="none")
        return own

    saved = _byte_compiled(case, None, HERE)
    assert case.found(saved, interpreter=known) == set()
    assert set(asked) == {HERE}
    asked.clear()
    assert case.found(_byte_compiled(case, None, f"{MINOR}.99"), interpreter=known) == set()
    assert asked[:2] == [f"{MINOR}.99", MINOR]


def test_byte_code_without_its_python_here_is_unproved(case: Case) -> None:
    def absent(_: str) -> Interpreter:
        raise InterpreterError("none", hint="none")

    found = case.found(_byte_compiled(case, b"evil = 1", HERE), interpreter=absent)
    assert found == {("image-unproved", "bytecode")}


def test_byte_code_that_nothing_makes_is_found(case: Case) -> None:
    tag = f"cpython-{MINOR.replace('.', '')}.opt-1"
    found = case.found(_byte_compiled(case, None, HERE, tag))
    assert found == {("image-differs", f"{APP}/__pycache__/__init__.{tag}.pyc")}


def test_no_secret_is_shown(case: Case) -> None:
    saved = case.on_top({"root/.netrc": File(b"machine x login y password hunter22")})
    saved.config["Env"].append("HF_TOKEN=hunter22")
    saved.history.append("RUN |1 API_TOKEN=hunter22 /bin/sh -c true")
    report = case.report(saved)
    assert len([each for each in report.findings if each.code == "image-secret"]) == 3
    assert "hunter22" not in repr(report)


def test_an_altered_environment_vouches_for_nothing(case: Case, tmp_path: Path) -> None:
    """RECORDs that were rewritten here are not believed: uv's cache has the wheels."""
    record = case.world.site / "zz_made_app-1.0.dist-info" / "RECORD"
    text = record.read_text()
    evil = b"evil = 1\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(evil).digest()).rstrip(b"=").decode()
    lines = [
        f"zz_made_app/__init__.py,sha256={digest},9" if "/__init__.py," in line else line
        for line in text.splitlines()
    ]
    record.unlink()  # the cache has the same file
    record.write_text("\n".join([*lines, ""]))
    try:
        found = case.found(case.on_top({INIT: File(evil)}))
        assert ("image-differs", f"{APP}/__init__.py") in found
        assert case.found(case.honest) == set()
    finally:
        record.write_text(text)


def test_where_nothing_is_at_hand_that_is_said(case: Case) -> None:
    report = case.report(
        case.honest,
        of_environment=lambda _p, _s: None,
        of_wheels=lambda _p, _i: {},
        layers=lambda _: None,
        described=lambda _r, _p: None,
    )
    said: dict[str, Finding] = {each.subject: each for each in report.findings}
    assert said.keys() == {"packages", "base", f"/{SITE}/zz_made_lib/key"}
    assert {each.code for each in report.findings} == {"image-unproved", "image-secret"}
    assert "compared with their own RECORDs only" in said["packages"].message
    # Their own RECORDs are still held against them.
    assert ("image-differs", f"{APP}/__init__.py") in case.found(
        case.on_top({INIT: File(b"evil")}),
        of_environment=lambda _p, _s: None,
        of_wheels=lambda _p, _i: {},
    )


def test_another_base(case: Case) -> None:
    saved = case.honest.copy()
    saved.layers[0] = {**saved.layers[0], "usr/bin/extra": File()}
    assert ("image-differs", "base") in case.found(saved)
    assert case.found(case.honest, layers=lambda _: None, described=lambda _r, _p: None) == {
        ("image-unproved", "base")
    }


def test_another_machine(case: Case) -> None:
    contents = dataclasses.replace(image_files.read(case.honest.chunks(), "x"), machine="aarch64")
    assert case.found(case.honest, contents=lambda _: contents) == {("image-differs", "platform")}


def test_lines_of_the_user_s_are_the_project_s_word(case: Case) -> None:
    text = case.world.read("Dockerfile")
    case.world.write(
        "Dockerfile", text + "ENV LD_PRELOAD=/usr/lib/x.so MORE=1\nUSER 4711\nCMD python -V\n"
    )
    try:
        saved = _env("LD_PRELOAD", "/usr/lib/x.so")(case)
        saved.config |= {"User": "4711", "Cmd": ["/bin/sh", "-c", "python -V"]}
        assert case.found(saved) == set()
        assert case.found(case.honest) == {("image-differs", "USER"), ("image-differs", "CMD")}
    finally:
        case.world.write("Dockerfile", text)


def test_without_an_engine_the_registry_is_asked(case: Case) -> None:
    asked = []

    def absent(_: str) -> None:
        raise NoEngineError("no Docker engine answers")

    def described(reference: str, platform: str | None) -> Described:
        asked.append((reference, platform))
        config = case.honest.config
        return Described(
            reference=reference,
            digest="sha256:" + "1" * 64,
            platforms=("linux/amd64",),
            platform="linux/amd64",
            labels=config["Labels"],
            env=dict(pair.split("=", 1) for pair in config["Env"]) | {"HF_TOKEN": "hunter22"},
            user="0",
            history=("RUN |1 API_TOKEN=hunter22 /bin/sh -c true",),
        )

    report = case.report(case.honest, contents=absent, described=described)
    assert asked == [("team/demo:1", "linux/amd64")]
    assert (report.local, report.identity) == (False, "sha256:" + "1" * 64)
    found = {(each.code, each.subject) for each in report.findings}
    assert found == {
        ("image-differs", "USER"),
        ("image-secret", "HF_TOKEN"),
        ("image-secret", "history, step 1"),
    }
    assert "hunter22" not in repr(report)
    with pytest.raises(NoEngineError, match="no Docker engine"):
        case.report(case.honest, contents=absent, described=lambda _r, _p: None)
    with pytest.raises(ImageError, match="no such image"):
        case.report(case.honest, contents=lambda _: None, described=lambda _r, _p: None)
