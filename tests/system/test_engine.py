"""The test engine is the real thing: what the other system tests take for granted."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import docker
import pytest

from tests.system import engine

pytestmark = pytest.mark.docker


def _context(folder: Path, base: engine.BaseImage, *lines: str) -> Path:
    """A build context that holds a Dockerfile only."""
    (folder / "Dockerfile").write_text("\n".join([f"FROM {base.pinned}", *lines, ""]))
    return folder


def test_pinned_base_resolves_through_the_mirror_and_runs(
    tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    image = engine.build(_context(tmp_path, python_base, "RUN python -V"), tag=image_tag)

    assert python_base.pinned.startswith(f"docker.io/library/python:{python_base.tag}@sha256:")
    assert image.startswith("sha256:")
    done = engine.run(image, ["python", "-c", "import sys; print(sys.version_info[:2])"])
    assert done.stdout.strip() == "(3, 11)"


def test_wrong_digest_does_not_resolve(
    tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    other = engine.BaseImage(python_base.tag, f"sha256:{'0' * 64}")

    with pytest.raises(engine.EngineCommandFailed, match="sha256:0000"):
        engine.build(_context(tmp_path, other), tag=image_tag)


def test_sdk_finds_the_digest_of_the_tag(python_base: engine.BaseImage) -> None:
    client = docker.from_env()
    try:
        data = client.images.get_registry_data(f"python:{python_base.tag}")
    finally:
        client.close()

    assert data.id == python_base.digest


def test_base_looks_like_the_official_image(python_base: engine.BaseImage) -> None:
    names = ["python", "python3", "python3.11", "pip"]
    script = 'for name; do command -v $name; done; pip --version; echo "$PATH"'
    shown = engine.run(python_base.pinned, ["sh", "-c", script, "sh", *names]).stdout.splitlines()

    assert shown[:4] == [f"/usr/local/bin/{name}" for name in names]
    assert shown[4].startswith("pip ")
    assert shown[5].startswith("/usr/local/bin:")
    # `pip install` is not refused (PEP 668): the official image has no such marker.
    marker = "import sysconfig, pathlib as p; d = sysconfig.get_path('stdlib');"
    marker += "print((p.Path(d) / 'EXTERNALLY-MANAGED').exists())"
    assert engine.run(python_base.pinned, ["python", "-c", marker]).stdout.strip() == "False"


def test_base_can_make_a_virtual_environment(python_base: engine.BaseImage) -> None:
    script = "python -m venv /tmp/v && /tmp/v/bin/pip --version"

    assert "/tmp/v/" in engine.run(python_base.pinned, ["sh", "-c", script]).stdout


def test_cache_mount_survives_between_builds(
    tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    cache = uuid.uuid4().hex
    step = f"RUN --mount=type=cache,id={cache},sharing=locked,target=/c"
    context = _context(
        tmp_path,
        python_base,
        "ARG WORD",
        f"{step} echo $WORD >>/c/words && cp /c/words /words",
    )

    engine.build(context, tag=image_tag, build_args={"WORD": "one"})
    image = engine.build(context, tag=image_tag, build_args={"WORD": "two"})

    assert engine.run(image, ["cat", "/words"]).stdout.split() == ["one", "two"]


def test_bind_mount_leaves_nothing_in_the_image(
    tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    (tmp_path / "word.txt").write_text("bound\n")
    context = _context(
        tmp_path,
        python_base,
        "RUN --mount=type=bind,source=word.txt,target=/b/word.txt cp /b/word.txt /copied",
    )

    image = engine.build(context, tag=image_tag, network="none")

    assert engine.run(image, ["cat", "/copied"]).stdout == "bound\n"
    assert engine.run(image, ["cat", "/b/word.txt"], check=False).stdout == ""


def test_secret_is_readable_in_its_step_only(
    tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("word-of-pass")
    context = tmp_path / "context"
    context.mkdir()
    _context(
        context,
        python_base,
        "RUN --mount=type=secret,id=s,required=true wc -c </run/secrets/s >/length",
    )

    image = engine.build(context, tag=image_tag, secrets={"s": secret})

    assert engine.run(image, ["cat", "/length"]).stdout.strip() == "12"
    assert engine.run(image, ["cat", "/run/secrets/s"], check=False).returncode != 0
    assert "word-of-pass" not in engine.docker("history", "--no-trunc", image)


def test_required_secret_that_is_missing_stops_the_build(
    tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    context = _context(tmp_path, python_base, "RUN --mount=type=secret,id=no,required=true true")

    with pytest.raises(engine.EngineCommandFailed) as failed:
        engine.build(context, tag=image_tag)

    assert "secret no" in failed.value.log


@pytest.mark.index
def test_build_container_reaches_the_package_index(
    tmp_path: Path, python_base: engine.BaseImage, image_tag: str
) -> None:
    settings = ["[global]"]
    if (index := engine.index_url()) is not None:
        settings.append(f"index-url = {index}")
    configuration = tmp_path / "pip.conf"
    configuration.write_text("\n".join([*settings, ""]))
    # An empty file would be no bundle at all, so the option is there only where a bundle is.
    bundle = engine.ca_bundle()
    secrets = {"pip": configuration} | ({"ca": bundle} if bundle is not None else {})
    trust = "PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca" if bundle is not None else ""
    context = tmp_path / "context"
    context.mkdir()
    _context(
        context,
        python_base,
        f"ARG RUN_ID={uuid.uuid4().hex}",  # a cached step would prove nothing
        "RUN --mount=type=secret,id=ca --mount=type=secret,id=pip "
        f"PIP_CONFIG_FILE=/run/secrets/pip {trust} pip download --no-deps --dest /wheels six",
    )

    image = engine.build(context, tag=image_tag, secrets=secrets)

    assert engine.run(image, ["ls", "/wheels"]).stdout.startswith("six-")


def test_run_is_isolated_by_default(python_base: engine.BaseImage) -> None:
    done = engine.run(
        python_base.pinned,
        ["sh", "-c", 'id -u; echo "$WORD"; ls /sys/class/net; touch /x 2>/dev/null || echo no'],
        env={"WORD": "a b"},
        user="10001:0",
        read_only=True,
    )

    assert done.stdout.split("\n")[:4] == ["10001", "a b", "lo", "no"]


def test_run_mounts_a_folder_and_reports_failure(
    tmp_path: Path, python_base: engine.BaseImage
) -> None:
    (tmp_path / "word").write_text("mounted")

    done = engine.run(python_base.pinned, ["cat", "/m/word"], volumes={tmp_path: "/m:ro"})

    assert done.stdout == "mounted"
    with pytest.raises(engine.EngineCommandFailed, match="exit status 3"):
        engine.run(python_base.pinned, ["sh", "-c", "exit 3"])


def test_second_call_makes_nothing_new(python_base: engine.BaseImage) -> None:
    assert engine.ensure_base() == python_base


def test_tag_without_a_stand_in_says_which_there_are(docker_engine: engine.Engine) -> None:
    if not docker_engine.mirrored:
        pytest.skip("this engine pulls the real images, so every tag is there")

    with pytest.raises(engine.EngineMissing, match=r"use one of: 3\.11-slim-bookworm"):
        engine.ensure_base("3.9-slim-bookworm")


def test_client_that_builds_is_preferred_to_one_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("first", "28.2.2"), ("second", "20.10.24+dfsg1")):
        client = tmp_path / folder / "docker"
        client.parent.mkdir()
        # `docker buildx version` fails, as it does where the plug-in is not installed.
        client.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "Docker version {version}, x"\n'
        )
        client.chmod(0o755)
    monkeypatch.setattr(engine, "_MACHINE", {"PATH": f"{tmp_path}/first:{tmp_path}/second"})

    assert engine.docker_cli.__wrapped__() == tmp_path / "second" / "docker"


def test_pid_file_of_another_program_is_not_believed(tmp_path: Path) -> None:
    pid_file = tmp_path / "dockerd.pid"
    pid_file.write_text(f"{os.getpid()}\n")

    assert engine.live_pid(pid_file, "dockerd") is None


def test_process_that_ended_unreaped_counts_as_gone(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    pid_file = tmp_path / "child.pid"
    pid_file.write_text(str(child.pid))
    name = Path(f"/proc/{child.pid}/comm").read_text().strip()
    try:
        assert engine.live_pid(pid_file, name) == child.pid
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
        assert engine.live_pid(pid_file, name) is None
    finally:
        child.kill()
        child.communicate()


def test_missing_engine_names_the_command_that_provides_it() -> None:
    message = str(engine.EngineMissing("there is no docker command"))

    assert "there is no docker command" in message
    assert "apt-get install docker.io" in message
