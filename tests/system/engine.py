"""A real Docker engine, a local registry and a Python base image for the system tests.

The tests build real images, and `FROM docker.io/library/python:TAG@sha256:…` has to resolve as
it does for a user. Where no image registry can be reached, this module provides the same thing:

* **engine**: Debian's `dockerd`, started with a registry mirror on the loopback;
* **registry**: Debian's `docker-registry` on 127.0.0.1:5000, the mirror's other end;
* **base image**: a `debootstrap` of the Debian release the tag names, arranged like the official
  image, pushed as `localhost:5000/library/python:TAG`. The *repository path* matters: a mirror is
  asked for `library/python`, so the digest it serves is the digest of `docker.io/library/python`.

An engine that already responds is reused. One that has no mirror here but can pull the real image
(a developer's own machine) is used as it is. Nothing here installs packages: `.ci/run` does.
Whatever is missing is an :class:`EngineMissing` that names the command which provides it.

Engine and registry outlive the test run, so that the next one starts at once. Their pid files are
`dockerd.pid` and `registry.pid` in :data:`STATE` (`~/.cache/envctl-tests/state` by default, with
the logs beside them), and ``python3 -m tests.system.engine stop`` ends exactly those two processes.
``start`` and ``status`` are the other two words of that command. Standard library only, so that
`.ci/run` can call it before anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# The machine's settings are read once, at import: the tests' own conftest then moves HOME and
# XDG_* away and removes PIP_*, and a second cache in a temporary home would cost minutes.
_MACHINE: Mapping[str, str] = dict(os.environ)

#: The tag whose stand-in is built when the caller names none.
DEFAULT_TAG = "3.11-slim-bookworm"

#: 127.0.0.0/8 counts as an insecure (plain HTTP) registry without any setting.
REGISTRY_ADDRESS = "127.0.0.1:5000"
REGISTRY_URL = f"http://{REGISTRY_ADDRESS}"
#: What images are pushed as; `localhost` and the loopback address are the same registry.
REGISTRY_NAME = "localhost:5000"

#: The one command that installs and starts everything.
PROVIDE = "apt-get install docker.io debootstrap docker-registry (or run .ci/run), as root"

#: Which CPython a Debian release carries: the stand-in cannot be any other.
SUITE_PYTHON = {"bookworm": "3.11", "trixie": "3.13"}

#: python3-venv and python3-pip stand for ensurepip and pip, which the official image has.
PACKAGES = ("python3", "python3-venv", "python3-pip", "ca-certificates")

#: ENV, PATH order and CMD of the official image (docker-library/python, slim template).
IMAGE_CHANGES = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    'CMD ["python3"]',
)

#: Links the official image has in /usr/local/bin, and Debian's file behind each.
LOCAL_COMMANDS = {
    "python": "/usr/bin/python3",
    "python3": "/usr/bin/python3",
    "pip": "/usr/bin/pip3",
    "pip3": "/usr/bin/pip3",
}

#: Debian's package files and indexes: nothing reads them in an image.
LEFTOVERS = ("var/cache/apt", "var/lib/apt/lists", "var/log", "var/cache/debconf", "tmp")

#: Raise it when the preparation of the file system changes in code rather than in the data above.
RECIPE_REVISION = 2

#: How much of a failed command's output its message shows.
LOG_TAIL_LINES = 60

#: Under CI a Docker test that cannot run fails instead of being skipped.
UNDER_CI = _MACHINE.get("CI") == "true"


def _cache_folder(environ: Mapping[str, str]) -> Path:
    """The folder outside the repository that survives test runs."""
    own = environ.get("ENVCTL_TESTS_CACHE")
    if own:
        return Path(own)
    base = environ.get("XDG_CACHE_HOME") or f"{pwd.getpwuid(os.getuid()).pw_dir}/.cache"
    return Path(base) / "envctl-tests"


CACHE = _cache_folder(_MACHINE)
#: Pid files and logs of the processes started here.
STATE = CACHE / "state"


class EngineMissing(Exception):
    """A part of the real thing is not there; `remedy` is the command that provides it."""

    def __init__(self, what: str, remedy: str = PROVIDE) -> None:
        super().__init__(f"{what}\nTo provide it: {remedy}")
        self.what = what
        self.remedy = remedy


class EngineCommandFailed(AssertionError):
    """A docker command failed; `log` is all it printed, the message holds its tail."""

    def __init__(self, argv: Sequence[str], returncode: int, log: str) -> None:
        tail = "\n".join(log.splitlines()[-LOG_TAIL_LINES:])
        super().__init__(f"{' '.join(argv)}: exit status {returncode}\n{tail}")
        self.returncode = returncode
        self.log = log


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that responds."""

    cli: Path
    version: str
    storage_driver: str
    mirrored: bool
    """Whether `docker.io` is looked up at :data:`REGISTRY_URL` first."""


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base image that `FROM` resolves on this engine."""

    tag: str
    digest: str

    @property
    def reference(self) -> str:
        return f"docker.io/library/python:{self.tag}"

    @property
    def pinned(self) -> str:
        """What envctl writes after `FROM`."""
        return f"{self.reference}@{self.digest}"


# --- the docker command --------------------------------------------------------------------------


@cache
def docker_cli() -> Path:
    """The first docker command that can `docker build` with BuildKit.

    From version 23 on the client hands that to the buildx plug-in, which may not be there; Debian's
    20.10 has it built in. The newer client may well come first on the PATH, so each is asked.
    """
    folders = [*_MACHINE.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]
    seen: dict[Path, str] = {}
    for folder in folders:
        found = shutil.which("docker", path=folder) if folder else None
        if found is None or Path(found) in seen:
            continue
        seen[Path(found)] = version = _client_version(found)
        if _builds_without_plugin(version) or _has_buildx(found):
            return Path(found)
    if seen:
        clients = ", ".join(f"{path} ({version})" for path, version in seen.items())
        raise EngineMissing(f"no docker command builds without buildx: {clients}")
    raise EngineMissing("there is no docker command")


def _client_version(cli: str) -> str:
    printed = subprocess.run([cli, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"version ([0-9][^,\s]*)", printed)
    return match[1] if match else "unknown"


def _builds_without_plugin(version: str) -> bool:
    major = re.match(r"\d+", version)
    return major is not None and int(major[0]) < 23


def _has_buildx(cli: str) -> bool:
    return (
        subprocess.run([cli, "buildx", "version"], capture_output=True, check=False).returncode == 0
    )


def docker(*arguments: str, check: bool = True, timeout: float = 1200) -> str:
    """Run one docker command; return its standard output and standard error together."""
    argv = [str(docker_cli()), *arguments]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        env=_docker_environment(),
    )
    if check and done.returncode != 0:
        raise EngineCommandFailed(argv, done.returncode, done.stdout)
    return done.stdout


def _docker_environment() -> dict[str, str]:
    """The *current* environment, so that a test may set DOCKER_HOST, with BuildKit switched on."""
    return {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}


def build(
    context: Path,
    *,
    tag: str,
    dockerfile: Path | None = None,
    secrets: Mapping[str, Path] | None = None,
    build_args: Mapping[str, str] | None = None,
    network: str = "host",
    target: str | None = None,
    no_cache: bool = False,
    timeout: float = 1200,
) -> str:
    """Build an image as a user would and return its id; a failure carries the log.

    `network="host"` is the only way a build reaches an index that is behind the machine's own
    network set-up; `secrets` maps a BuildKit secret's id to the file it is read from.
    """
    with tempfile.TemporaryDirectory(prefix="envctl-build-") as folder:
        id_file = Path(folder) / "image-id"
        arguments = ["build", "--progress=plain", f"--network={network}", f"--tag={tag}"]
        arguments += [f"--iidfile={id_file}"]
        arguments += [f"--secret=id={name},src={path}" for name, path in (secrets or {}).items()]
        arguments += [f"--build-arg={name}={value}" for name, value in (build_args or {}).items()]
        if dockerfile is not None:
            arguments.append(f"--file={dockerfile}")
        if target is not None:
            arguments.append(f"--target={target}")
        if no_cache:
            arguments.append("--no-cache")
        docker(*arguments, str(context), timeout=timeout)
        return id_file.read_text().strip()


def run(
    image: str,
    argv: Sequence[str] = (),
    *,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    volumes: Mapping[Path, str] | None = None,
    user: str | None = None,
    network: str = "none",
    read_only: bool = False,
    entrypoint: str | None = None,
    check: bool = True,
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    """Run a container to its end and remove it.

    The network is off unless asked for: an image that envctl built needs none at run time.
    `volumes` maps a host path to `/target` or `/target:ro`; `options` go to `docker run` unchanged.
    """
    command = [str(docker_cli()), "run", "--rm", f"--network={network}", *options]
    command += [f"--env={name}={value}" for name, value in (env or {}).items()]
    command += [f"--volume={source}:{target}" for source, target in (volumes or {}).items()]
    if user is not None:
        command.append(f"--user={user}")
    if read_only:
        command.append("--read-only")
    if entrypoint is not None:
        command.append(f"--entrypoint={entrypoint}")
    command += [image, *argv]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        env=_docker_environment(),
    )
    if check and done.returncode != 0:
        raise EngineCommandFailed(command, done.returncode, done.stdout + done.stderr)
    return done


def remove_image(image: str) -> None:
    """Remove an image that a test built; one that is not there is fine."""
    docker("image", "rm", "--force", image, check=False)


# --- the machine's way to the Python index -------------------------------------------------------


def ca_bundle() -> Path | None:
    """The certificates this machine trusts, or None where clients are left to their own.

    A build container knows nothing of a company's (or a test farm's) own authority; the file is
    meant to be given as a BuildKit secret.
    """
    for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if (named := _MACHINE.get(name)) and Path(named).is_file():
            return Path(named)
    system = Path("/etc/ssl/certs/ca-certificates.crt")
    return system if system.is_file() else None


@cache
def index_url() -> str | None:
    """The package index this machine's pip is told to use; None means pip's own default."""
    if named := _MACHINE.get("PIP_INDEX_URL"):
        return named
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(_MACHINE),
    )
    return asked.stdout.strip() or None


# --- the engine ----------------------------------------------------------------------------------


def ensure_engine() -> Engine:
    """An engine that responds: the one that is there, or Debian's dockerd started here."""
    cli = docker_cli()
    with _locked():
        engine = _responding(cli)
        if engine is None:
            _start_dockerd()
            engine = _responding(cli)
    if engine is None:
        raise EngineMissing(
            f"dockerd started but does not respond; its log: {STATE / 'dockerd.log'}"
        )
    return engine


def _responding(cli: Path) -> Engine | None:
    """What the engine says about itself; `docker info` exits 0 even when nothing responds."""
    info = _json_command(cli, "info")
    if info is None or not info.get("ServerVersion"):
        return None
    mirrors = (info.get("RegistryConfig") or {}).get("Mirrors") or []
    return Engine(
        cli=cli,
        version=str(info["ServerVersion"]),
        storage_driver=str(info["Driver"]),
        mirrored=any(str(mirror).rstrip("/") == REGISTRY_URL for mirror in mirrors),
    )


def _json_command(cli: Path, *arguments: str) -> dict[str, Any] | None:
    argv = [str(cli), *arguments, "--format={{json .}}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    try:
        value = json.loads(done.stdout)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _start_dockerd() -> None:
    """Start dockerd on its default socket, with the mirror, detached from this process."""
    if host := os.environ.get("DOCKER_HOST"):
        raise EngineMissing(f"nothing responds at DOCKER_HOST={host}", "unset DOCKER_HOST")
    if os.getuid() != 0:
        raise EngineMissing("no Docker engine responds, and only root can start one")
    dockerd = _system_command("dockerd")
    _forget_stale_containerd()
    _start(
        "dockerd",
        [
            dockerd,
            f"--registry-mirror={REGISTRY_URL}",
            # Not the default /var/run/docker.pid: a stale one there, on a machine where /run is
            # kept on disk, names some other process and dockerd then refuses to start.
            f"--pidfile={STATE / 'dockerd.engine-pid'}",
        ],
        ready=lambda: _responding(docker_cli()) is not None,
    )


def _forget_stale_containerd() -> None:
    """Remove the pid file of a containerd that is gone; dockerd waits for whoever has its number."""
    for pid_file in (
        Path("/var/run/docker/containerd/containerd.pid"),
        STATE / "dockerd.engine-pid",
    ):
        name = "containerd" if pid_file.name == "containerd.pid" else "dockerd"
        if pid_file.exists() and live_pid(pid_file, name) is None:
            pid_file.unlink()


# --- the registry --------------------------------------------------------------------------------


def ensure_registry() -> None:
    """A registry on the loopback that answers without a password."""
    with _locked():
        status = _registry_status()
        if status is None:
            _start_registry()
            status = _registry_status()
    if status != 200:
        raise EngineMissing(
            f"something answers on {REGISTRY_ADDRESS} with status {status}, not an open registry",
            "stop that service (Debian's own: service docker-registry stop)",
        )


def _registry_status() -> int | None:
    """The status of the registry API's root, or None when nothing listens."""
    try:
        with _open(f"{REGISTRY_URL}/v2/") as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _start_registry() -> None:
    registry = _system_command("docker-registry")
    STATE.mkdir(parents=True, exist_ok=True)
    configuration = STATE / "registry.yml"
    # JSON is YAML, and nothing needs quoting by hand.
    configuration.write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "warn"},
                "storage": {
                    "filesystem": {"rootdirectory": str(CACHE / "registry")},
                    "delete": {"enabled": True},
                },
                "http": {"addr": REGISTRY_ADDRESS},
            }
        )
    )
    _start(
        "registry",
        [registry, "serve", str(configuration)],
        ready=lambda: _registry_status() is not None,
    )


def _registry_digest(repository: str, tag: str) -> str | None:
    """The digest of a tag's manifest in the local registry."""
    request = urllib.request.Request(
        f"{REGISTRY_URL}/v2/{repository}/manifests/{tag}",
        method="HEAD",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    try:
        with _open(request) as response:
            digest = response.headers["Docker-Content-Digest"]
            return str(digest) if digest else None
    except urllib.error.HTTPError:
        return None


def _open(target: str | urllib.request.Request) -> Any:
    """Open a loopback address; a proxy of the machine's has no business there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(target, timeout=30)


# --- the base image ------------------------------------------------------------------------------


def ensure_base(tag: str = DEFAULT_TAG) -> BaseImage:
    """A `python:TAG` that `FROM docker.io/library/python:TAG@sha256:…` resolves to."""
    engine = ensure_engine()
    if not engine.mirrored:
        return _pulled(tag)
    ensure_registry()
    suite = _suite(tag)
    # One process builds; the others of a parallel run wait and then find it there.
    with _locked("base"):
        digest = _registry_digest("library/python", tag)
        if digest is None or _recorded(tag) != {"recipe": _recipe(suite), "digest": digest}:
            digest = _publish(tag, suite)
    return BaseImage(tag, digest)


def _pulled(tag: str) -> BaseImage:
    """The real image, for an engine that somebody else set up."""
    reference = f"docker.io/library/python:{tag}"
    try:
        docker("pull", "--quiet", reference)
    except EngineCommandFailed as error:
        raise EngineMissing(
            f"the running engine has no mirror at {REGISTRY_URL} and cannot pull {reference}",
            f"restart it with --registry-mirror={REGISTRY_URL}, or stop it and run again as root",
        ) from error
    listed = docker("image", "inspect", "--format={{json .RepoDigests}}", reference)
    digests: list[str] = json.loads(listed)
    return BaseImage(tag, next(d.split("@")[1] for d in digests if d.startswith("python@")))


def _suite(tag: str) -> str:
    """The Debian release a tag names, when its own Python is the one the tag promises."""
    match = re.fullmatch(r"(?P<python>\d+\.\d+)(?:\.\d+)?-slim-(?P<suite>[a-z]+)", tag)
    if match is None or SUITE_PYTHON.get(match["suite"]) != match["python"]:
        known = ", ".join(f"{python}-slim-{suite}" for suite, python in SUITE_PYTHON.items())
        raise EngineMissing(f"python:{tag} has no stand-in", f"use one of: {known}")
    return match["suite"]


def _recipe(suite: str) -> str:
    """Everything that decides what the stand-in contains, as one short name."""
    parts = [RECIPE_REVISION, suite, PACKAGES, IMAGE_CHANGES, LOCAL_COMMANDS, LEFTOVERS]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _record_path(tag: str) -> Path:
    return CACHE / "pushed" / f"{tag}.json"


def _recorded(tag: str) -> object:
    """What was pushed last under this tag from this cache."""
    try:
        return json.loads(_record_path(tag).read_text())
    except (OSError, json.JSONDecodeError):
        return None


def _publish(tag: str, suite: str) -> str:
    """Import the file system, push it to the local registry and return its digest."""
    local = f"{REGISTRY_NAME}/library/python:{tag}"
    changes = [f"--change={change}" for change in IMAGE_CHANGES]
    docker("import", *changes, str(_file_system(suite)), local)
    docker("push", "--quiet", local)
    digest = _registry_digest("library/python", tag)
    if digest is None:
        raise EngineMissing(f"{local} was pushed but the registry does not have it")
    record = _record_path(tag)
    record.parent.mkdir(parents=True, exist_ok=True)
    staged = record.with_suffix(".partial")
    staged.write_text(json.dumps({"recipe": _recipe(suite), "digest": digest}))
    staged.replace(record)
    return digest


def _file_system(suite: str) -> Path:
    """The image's file system as a tar file; made once, and complete whenever it is there."""
    tarball = CACHE / f"python-{suite}-{_recipe(suite)}.tar"
    if tarball.exists():
        return tarball
    if os.getuid() != 0:
        raise EngineMissing("only root can make the base image")
    for left in CACHE.glob("staging-*"):  # a run that was killed; its mounts died with it
        shutil.rmtree(left)
    stage = Path(tempfile.mkdtemp(prefix="staging-", dir=CACHE))
    try:
        root = stage / "root"
        _debootstrap(suite, root)
        _arrange_like_the_official_image(root, SUITE_PYTHON[suite])
        partial = stage / "root.tar"
        subprocess.run(
            ["tar", "--create", "--numeric-owner", f"--file={partial}", f"--directory={root}", "."],
            check=True,
        )
        for outdated in CACHE.glob(f"python-{suite}-*.tar"):
            outdated.unlink()
        partial.replace(tarball)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return tarball


def _debootstrap(suite: str, root: Path) -> None:
    """Install a minimal Debian into `root`.

    In a mount and process namespace of its own: debootstrap mounts /proc and /sys there, and when
    it is killed halfway the mounts must go with it, before anything removes the folder. When this
    process is killed, so is debootstrap: the next run clears the folder it would go on filling.
    """
    argv = [_system_command("setpriv"), "--pdeathsig=KILL"]
    argv += [_system_command("unshare"), "--mount", "--pid", "--fork", "--kill-child"]
    argv += [_system_command("debootstrap"), "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    argv += [suite, str(root), _debian_mirror(suite)]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # debootstrap finds chroot and friends in sbin, which a test's PATH may lack.
        env={
            **os.environ,
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND": "noninteractive",
        },
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-LOG_TAIL_LINES:])
        raise EngineMissing(
            f"debootstrap could not make a {suite} base image:\n{tail}",
            "check that apt-get update reaches the machine's Debian mirror, and run again",
        )


def _debian_mirror(suite: str) -> str:
    """The mirror this machine's apt uses for `suite`; apt itself reads its sources for us.

    One that has the machine's own release has Debian's others beside it.
    """
    listed = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format=$(CODENAME)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        codename, release, component, address = line.split("|", 3)
        if component == "main":
            found |= {codename: address, release: address}
    for name in (suite, *SUITE_PYTHON):
        if name in found:
            return found[name]
    raise EngineMissing(f"apt has no source for {suite} main", "add one and run apt-get update")


def _arrange_like_the_official_image(root: Path, python: str) -> None:
    """Put `python` where the official image has it, and take away what that image lacks."""
    found = str((root / "usr/bin/python3").readlink())
    if found != f"python{python}":
        raise EngineMissing(f"Debian's python3 is {found}, not {python}", "correct SUITE_PYTHON")
    for name, target in {**LOCAL_COMMANDS, found: f"/usr/bin/{found}"}.items():
        (root / "usr/local/bin" / name).symlink_to(target)
    # The official image's Python is its own in /usr/local, so nothing there is Debian's to guard.
    (root / "usr/lib" / found / "EXTERNALLY-MANAGED").unlink(missing_ok=True)
    for folder in LEFTOVERS:  # the files only: apt wants to find its folders
        for entry in (root / folder).rglob("*"):
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()


# --- processes -----------------------------------------------------------------------------------


@contextmanager
def _locked(name: str = "processes") -> Iterator[None]:
    """One process at a time starts or builds things; the kernel frees the lock of a dead one."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _system_command(name: str) -> str:
    """A command of the system's own; /usr/sbin is not on every PATH."""
    found = shutil.which(name, path=f"{_MACHINE.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise EngineMissing(f"{name} is not installed")
    return found


#: Kept so that Python does not warn of a child that runs on: running on is what it is for.
_children: list[subprocess.Popen[bytes]] = []


def _start(
    name: str, argv: Sequence[str], *, ready: Callable[[], bool], within: float = 60
) -> None:
    """Start a process that outlives this one and wait until it is ready."""
    STATE.mkdir(parents=True, exist_ok=True)
    log = STATE / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the test run must not reach it
            cwd="/",
        )
    (STATE / f"{name}.pid").write_text(f"{process.pid}\n")
    _children.append(process)
    deadline = time.monotonic() + within
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
            state = f"exit status {process.returncode}" if process.returncode else "not ready"
            raise EngineMissing(f"{argv[0]}: {state}; the end of {log}:\n{tail}", "see that log")
        time.sleep(0.1)


def live_pid(pid_file: Path, program: str) -> int | None:
    """The pid in a file, when that process still runs and is the program it was written for.

    A number outlives its process: after a restart of the machine it may be anyone's. And a process
    that ended stays in the table until its parent asks for it, which a container's init may never
    do.
    """
    try:
        pid = int(pid_file.read_text())
        status = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    # "PID (name) STATE …", proc(5); the name itself may hold a parenthesis.
    name, _, rest = status.partition("(")[2].rpartition(")")
    ended = rest.split()[0] in {"Z", "X"}
    return pid if name == program and not ended else None


#: Pid file and program name of each process this module starts; the engine ends first.
_STARTED = {"dockerd": "dockerd", "registry": "docker-registry"}


def started() -> dict[str, int]:
    """The processes that this module started and that still run."""
    pids = {name: live_pid(STATE / f"{name}.pid", program) for name, program in _STARTED.items()}
    return {name: pid for name, pid in pids.items() if pid is not None}


def stop(within: float = 30) -> list[str]:
    """End those processes, and only those; dockerd takes its own containerd along."""
    stopped = []
    with _locked():
        for name, pid in started().items():
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + within
            while live_pid(STATE / f"{name}.pid", _STARTED[name]) is not None:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} (pid {pid}) does not end")
                time.sleep(0.1)
            (STATE / f"{name}.pid").unlink()
            stopped.append(name)
    return stopped


# --- by hand -------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.system.engine")
    parser.add_argument("action", choices=("start", "status", "stop"))
    parser.add_argument("--tag", default=DEFAULT_TAG)
    chosen = parser.parse_args(argv)
    if chosen.action == "start":
        try:
            base = ensure_base(chosen.tag)
        except EngineMissing as missing:
            print(missing, file=sys.stderr)
            return 1
        print(base.pinned)
    elif chosen.action == "stop":
        print("stopped:", ", ".join(stop()) or "nothing")
    else:
        print(
            "running:", ", ".join(f"{name} {pid}" for name, pid in started().items()) or "nothing"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
