"""Kinds of project, built by the real engine: sources that are compiled, the project as a package, nvcc, services."""

import io
import json
import os
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from uv import find_uv_bin

from envctl.adapters import containers
from envctl.domain.build.locked import from_tables
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.sources import EXTENSION
from tests.system import engine, tls
from tests.system.test_dockerize import RUNTIME, TORCH, _project
from tests.system.test_end_to_end import LIST_FILES, Project, excepted

pytestmark = [pytest.mark.docker, pytest.mark.index]

LOGIN = ("me", "netrc-mark-2f81c")
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
# The backend looks for what only the step that fetches may see.
SETUP = """\
import os
from setuptools import Extension, setup

assert not os.path.exists("/root/.netrc") or os.path.getsize("/root/.netrc") == 0, "a login"
assert not os.path.exists("/run/secrets/ca"), "a secret"
setup(ext_modules=[Extension("zz_made_ext", ["zz_made_ext.c"])])
"""
MANIFEST = """\
[project]
name = "Zz.Made_shop"
version = "1.0"
dependencies = ["zz-made-ext", "zz-made-pure"]
[project.scripts]
shop = "shop:main"

{system}
[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "company"
url = "{index}"

[tool.envctl.build.zz-made-ext]
env = {{ ZZ_ODD = 'a"b$HOME \\` #' }}

[tool.envctl.image]
project = "package"
builder = "docker.io/library/python:{tag}"
build-packages = ["gcc", "libc6-dev", "libpython3.11-dev"]
command = ["shop"]
ports = [8000]
healthcheck = ["python", "-c", "import shop"]
stop-signal = "SIGINT"
"""
SHOP = """\
import zz_made_ext, zz_made_pure


def main():
    print("answer", zz_made_ext.answer(), zz_made_pure.NAME)
"""


def sdist(folder: Path, name: str, files: dict[str, str]) -> None:
    """Write ``NAME-1.0.tar.gz`` with these files and the metadata of an sdist."""
    stem = f"{name.replace('-', '_')}-1.0"
    told = f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n"
    project = f'[project]\nname = "{name}"\nversion = "1.0"\n{SETUPTOOLS}'
    with tarfile.open(folder / f"{stem}.tar.gz", "w:gz") as archive:
        for path, text in {"PKG-INFO": told, "pyproject.toml": project, **files}.items():
            info = tarfile.TarInfo(f"{stem}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))


@dataclass
class Shop(Project):
    """The project, and how to reach its index."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Path] = field(default_factory=dict)
    index: LocalIndex = field(default_factory=LocalIndex)

    def envctl(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "envctl", *arguments],
            cwd=self.root,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real uv and setuptools, as wheels."""
    folder = tmp_path_factory.mktemp("tools")
    uv = subprocess.run([find_uv_bin(), "--version"], capture_output=True, text=True, check=True)
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    argv += ["--only-binary=:all:", f"uv=={uv.stdout.split()[1]}", "setuptools"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, tools: Path, python_base: engine.BaseImage
) -> Iterator[Shop]:
    """A package, on sources in C and in Python, from an index with a login and a certificate of its own."""
    folder = tmp_path_factory.mktemp("shop")
    text = EXTENSION.replace("NAME", "zz_made_ext").replace("ANSWER", "42")
    sdist(tools, "zz-made-ext", {"setup.py": SETUP, "zz_made_ext.c": text})
    sdist(tools, "zz-made-pure", {"zz_made_pure/__init__.py": "NAME = 'pure'\n"})
    pem = tls.authority(folder)
    trusted = folder / "trusted.pem"
    machine = engine.ca_bundle()
    trusted.write_bytes(
        (machine.read_bytes() if machine else b"") + (folder / "ca.pem").read_bytes()
    )
    netrc = folder / "netrc"
    netrc.write_text("machine 127.0.0.1 login {} password {}\n".format(*LOGIN))
    netrc.chmod(0o600)
    root = folder / "project"
    (root / "src/shop").mkdir(parents=True)
    (root / "src/shop/__init__.py").write_text(SHOP)
    (root / "secret.key").write_text("private\n")
    with LocalIndex(mode="json", auth=LOGIN, max_age=0) as index:
        index.serve_folder(tools)
        port = int(index.origin.rpartition(":")[2])
        with tls.behind(pem, port) as secure:
            url = f"https://127.0.0.1:{secure}/simple"
            manifest = MANIFEST.format(index=url, tag=python_base.tag, system=SETUPTOOLS)
            (root / "pyproject.toml").write_text(manifest)
            environ = {
                "NETRC": str(netrc),
                "SSL_CERT_FILE": str(trusted),
                "NO_PROXY": "127.0.0.1",
                "XDG_CACHE_HOME": str(folder / "cache"),
            }
            yield Shop(root, environ, {"ca": trusted, "netrc": netrc}, index)


@pytest.fixture(scope="module")
def image(shop: Shop, docker_engine: engine.Engine) -> Iterator[str]:
    shop.envctl("lock")
    shop.envctl("sync")
    shop.envctl("dockerize")
    shop.envctl("dockerize", "--check")
    tag = f"envctl-test-{uuid.uuid4().hex[:12]}"
    engine.build(shop.root, tag=tag, secrets=shop.secrets)
    yield tag
    engine.remove_image(tag)


def test_it_runs_with_what_was_compiled(image: str) -> None:
    done = engine.run(image, read_only=True)
    assert (done.stdout, done.stderr) == ("answer 42 pure\n", "")


def test_nothing_of_the_toolchain_is_in_the_image(image: str) -> None:
    asked = "command -v cc gcc uv; ls -d /opt/* /wheels /usr/include/python3.11 /root/.cache /app/*"
    shown = engine.run(image, ["sh", "-c", asked], check=False)
    assert shown.stdout.split() == ["/opt/envctl", "/opt/venv"]
    names = engine.run(image, ["python", "-c", "import os; print(*os.listdir('/opt/venv/bin'))"])
    assert "shop" in names.stdout.split()


def test_the_same_files_as_venv_but_for_the_compiled_ones(shop: Shop, image: str) -> None:
    """The project apart, which .venv has editable: a path to the source instead of the source."""
    there: dict[str, str] = json.loads(engine.run(image, ["python", "-c", LIST_FILES]).stdout)
    here = {name: digest for name, digest in shop.files().items() if not own(name)}
    there = {name: each for name, each in there.items() if not (excepted(name) or own(name))}
    assert there.keys() == here.keys()
    differing = {name for name in here if here[name] != there[name]}
    site = "lib/python3.11/site-packages"
    compiled = f"{site}/zz_made_ext.cpython-311-x86_64-linux-gnu.so"
    assert {compiled, f"{site}/zz_made_pure/__init__.py"} <= here.keys()
    assert differing <= {compiled, f"{site}/zz_made_ext-1.0.dist-info/RECORD"}


def test_it_is_proved_as_far_as_it_can_be(shop: Shop, image: str, tmp_path: Path) -> None:
    """The own package's modules by this folder; what was built by its own word only, which is said."""
    report = json.loads(shop.envctl("image", "verify", image, "--json"))
    found = report["result"]["findings"]
    assert {(each["code"], each["severity"]) for each in found} == {("image-unproved", "note")}
    assert "`zz-made-shop` was built in the image" in found[-1]["message"]
    other = f"{image}-altered"
    site = "/opt/venv/lib/python3.11/site-packages"
    (tmp_path / "Dockerfile").write_text(
        f"FROM {image}\nUSER 0\n"
        f"RUN echo 'evil = 1' >> {site}/shop/__init__.py && echo > /app/zz_made_pure.py \\\n"
        f" && digest=$(python -c 'import sys, hashlib, base64; d = hashlib.sha256(open(sys.argv[1],"
        ' "rb").read()).digest(); print(base64.urlsafe_b64encode(d).rstrip(b"=").decode())\''
        f" {site}/shop/__init__.py) \\\n"
        f' && sed -i "s|^shop/__init__.py,.*|shop/__init__.py,sha256=$digest,1|"'
        f" {site}/zz_made_shop-1.0.dist-info/RECORD\n"
        "USER 10001:0\n"
    )
    try:
        engine.build(tmp_path, tag=other)
        report = json.loads(shop.envctl("image", "verify", other, "--json", code=1))
    finally:
        engine.remove_image(other)
    found = {(each["code"], each["subject"]) for each in report["result"]["findings"]}
    assert found - {("image-unproved", "packages")} == {
        ("image-differs", "zz-made-shop"),
        ("image-differs", "/app"),
        ("image-shadowed", "/app/zz_made_pure.py"),
    }


def own(name: str) -> bool:
    parts = name.split("/")
    return any(p == "shop" or p.lower().startswith(("zz_made_shop", "__editable__")) for p in parts)


def test_a_changed_source_compiles_nothing_anew(shop: Shop, image: str) -> None:
    before = containers.inspect(image)
    path = shop.root / "src/shop/__init__.py"
    text = path.read_text()
    path.write_text(text.replace('"answer"', '"changed"'))
    other = f"{image}-source"
    shop.index.forget_requests()
    try:
        engine.build(shop.root, tag=other, secrets=shop.secrets)
        after = containers.inspect(other)
        assert engine.run(other).stdout == "changed 42 pure\n"
    finally:
        path.write_text(text)
        engine.remove_image(other)
    assert before is not None
    assert after is not None
    same = [a == b for a, b in zip(before.layers, after.layers, strict=True)]
    assert same.count(False) == 2  # the project's own files, and the fingerprint over all of them
    assert shop.index.downloads == []


def test_the_image_says_how_it_is_dealt_with(image: str) -> None:
    shown = json.loads(engine.docker("image", "inspect", "--format={{json .Config}}", image))
    assert shown["ExposedPorts"] == {"8000/tcp": {}}
    assert shown["StopSignal"] == "SIGINT"
    assert shown["Healthcheck"]["Test"] == ["CMD", "python", "-c", "import shop"]
    assert shown["User"] == "10001:0"


def test_the_login_stays_outside(shop: Shop, image: str, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    engine.docker("save", f"--output={archive}", image)
    marks = (LOGIN[1].encode(), (shop.root.parent / "ca.pem").read_bytes().splitlines()[3])
    with tarfile.open(archive) as saved:
        for member in saved:
            inner = saved.extractfile(member)
            content = inner.read() if inner else b""
            assert not any(mark in content for mark in marks), member.name
    for path in (shop.root / ".envctl/image").iterdir():
        assert LOGIN[1] not in path.read_text()


def test_without_the_login_nothing_is_fetched(shop: Shop, image: str, tmp_path: Path) -> None:
    listed = shop.root / ".envctl/image/build-zz-made-ext.txt"
    text = listed.read_text()
    listed.write_text(f"{text}# {tmp_path}\n")  # another list: the step runs again
    try:
        with pytest.raises(engine.EngineCommandFailed) as caught:
            engine.build(shop.root, tag=f"{image}-none", secrets={"ca": shop.secrets["ca"]})
    finally:
        listed.write_text(text)
    assert "cannot be fetched: HTTP Error 401" in caught.value.log


def test_another_source_than_the_locked_one_is_refused(shop: Shop, image: str) -> None:
    listed = shop.root / ".envctl/image/build-zz-made-ext.txt"
    text = listed.read_text()
    listed.write_text(text.replace("sha256:", "sha256:0000").replace("\n", "\n", 1))
    try:
        with pytest.raises(engine.EngineCommandFailed) as caught:
            engine.build(shop.root, tag=f"{image}-other", secrets=shop.secrets)
    finally:
        listed.write_text(text)
    assert "Hash mismatch" in caught.value.log


NVCC = """\
#!/bin/sh
# Stands for the compiler: writes what it was told into the object.
echo "nvcc $TORCH_CUDA_ARCH_LIST $CUDA_HOME" > "$4"
"""
KERNELS = """\
import os, subprocess, torch
from setuptools import setup

subprocess.run(["nvcc", "-c", "a.cu", "-o", "src/kernels.txt"], check=True)
with open("src/__init__.py", "w") as file:
    file.write(f"BUILT = {open('src/kernels.txt').read()!r}, {torch.__version__!r}\\n")
setup(packages=["zz_made_kernels"], package_dir={"zz_made_kernels": "src"})
"""
TOOLKIT = "nvidia/cuda:12.6.3-devel-ubuntu22.04"
GPU = """
[tool.envctl.build.zz-made-kernels]
isolation = false
[tool.envctl.image]
command = ["python", "-c", "import zz_made_kernels; print(*zz_made_kernels.BUILT)"]
"""


@pytest.fixture(scope="module")
def toolkit(
    shop: Shop,
    image: str,
    docker_engine: engine.Engine,
    python_base: engine.BaseImage,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Stand-ins for Python's image with compilers and for NVIDIA's, where the engine looks for the real ones."""
    if not docker_engine.mirrored:
        pytest.skip("this engine asks the real registry, for several GB")
    folder = tmp_path_factory.mktemp("toolkit")
    (folder / "nvcc").write_text(NVCC)
    where = "/usr/local/cuda-12.6/bin/nvcc"
    text = f"FROM {python_base.pinned}\nCOPY --chmod=0755 nvcc {where}\n"
    (folder / "Dockerfile").write_text(text)
    engine.build(folder, tag=f"{engine.REGISTRY_NAME}/{TOOLKIT}")
    compilers = f"{engine.REGISTRY_NAME}/library/python:3.11-bookworm"
    engine.build(shop.root, tag=compilers, secrets=shop.secrets, target="builder")
    for each in (f"{engine.REGISTRY_NAME}/{TOOLKIT}", compilers):
        engine.docker("push", "--quiet", each)
    yield
    for each in (f"{engine.REGISTRY_NAME}/{TOOLKIT}", compilers):
        engine.remove_image(each)


def test_kernels_are_compiled_with_nvidia_s_image(
    toolkit: None, tools: Path, tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    sdist(tools, "zz-made-kernels", {"setup.py": KERNELS, "a.cu": "", "src/__init__.py": ""})
    with LocalIndex(mode="json", max_age=0) as index:
        index.serve_folder(tools)
        index.add(TORCH, RUNTIME, Wheel("numlib", "1.0"), Wheel("shared", "2.0.post1"))
        project = _project(tmp_path, index, GPU, TORCH, RUNTIME, Wheel("numlib", "1.0"))
        (source,) = index.files("zz-made-kernels")
        (backend,) = index.files("setuptools")
        file = {"url": f"{index.origin}{source.path}", "hashes": {"sha256": source.sha256}}
        table = {
            "name": "zz-made-kernels",
            "version": "1.0",
            "index": index.url,
            "sdist": {"name": source.filename, **file},
        }
        key = f"setuptools=={backend.version}"
        line = f"{backend.filename} sha256:{backend.sha256} {index.origin}{backend.path}"
        builds = from_tables(
            {
                "builds": {
                    "zz-made-kernels==1.0": {
                        "requires": [key, f"torch=={TORCH.version}"],
                        "isolation": False,
                        "needs": ["nvcc"],
                    }
                },
                "build-packages": {key: {"index": index.url, "files": [line]}},
            }
        )
        whole = project.lock.pylock.to_dict()
        packages = Pylock.from_dict({**whole, "packages": [*whole["packages"], table]}).packages
        pylock = replace(project.lock.pylock, packages=packages)
        project.lock = replace(project.lock, pylock=pylock, builds=builds)
        project.dockerize()
        text = (project.root / "Dockerfile").read_text()
        assert f"FROM docker.io/{TOOLKIT}@sha256:" in text
        assert "FROM docker.io/library/python:3.11-bookworm@sha256:" in text
        engine.build(project.root, tag=image_tag)
    done = engine.run(image_tag, env={"ENVCTL_PREFLIGHT": "off"})
    assert done.stdout.split() == [
        *("nvcc", "5.0;6.0;7.0;7.5;8.0;8.6;9.0", "/usr/local/cuda-12.6"),
        TORCH.version,
    ]
    assert engine.run(image_tag, ["ls", "/usr/local"]).stdout.count("cuda") == 0
