"""`examples/service`, built and run: it answers, says how it is, ends well, and starts by the files of `export`.

Flask and gunicorn come from the default index; engine, compose and the dev container's program are real.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.programs import program
from tests.system import engine

pytestmark = [pytest.mark.docker, pytest.mark.index]

EXAMPLE = Path(__file__).parents[2] / "examples" / "service"
ODD = "a\"b'$HOME ${HOME} ${localEnv:HOME} $$ \\ ` # <<EOF $(id): {x}"
ASK = """\
import json, sys, urllib.error, urllib.request
body = json.dumps(json.loads(sys.argv[2])).encode() if sys.argv[2:] else None
request = urllib.request.Request("http://127.0.0.1:8000" + sys.argv[1], body, {"Content-Type": "application/json"})
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, json.load(answer)]))
"""
# Half a request; the server says `100 Continue` when it has begun to read it.
SLOW = """\
import socket
body = b'{"numbers": [1, 2, 3]}'
head = b"POST /summary HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nConnection: close\\r\\n"
head += b"Expect: 100-continue\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
server = socket.create_connection(("127.0.0.1", 8000))
server.sendall(head + body[:5])
assert server.recv(1000).startswith(b"HTTP/1.1 100 "), "not begun"
print("begun", flush=True)
input()
server.sendall(body[5:])
answer = b""
while more := server.recv(1000):
    answer += more
print(answer.decode().splitlines()[0], answer.decode().splitlines()[-1])
"""
SEEN = "import json, os; print(json.dumps([os.environ['ODD'], os.environ['PYTHONHASHSEED'], os.getcwd()]))"


def envctl(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "envctl", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, python_base: engine.BaseImage) -> Path:
    root = tmp_path_factory.mktemp("example") / "service"
    hidden = shutil.ignore_patterns("__pycache__", ".*", "pylock.toml", "Dockerfile")
    shutil.copytree(EXAMPLE, root, ignore=hidden)
    manifest = (root / "pyproject.toml").read_text()
    seed = 'PYTHONHASHSEED = "0"\n'
    assert seed in manifest
    odd = f"ODD = {json.dumps(ODD)}\n"
    (root / "pyproject.toml").write_text(manifest.replace(seed, seed + odd))
    for command in ("lock", "sync", "dockerize"):
        envctl(root, command)
    return root


@pytest.fixture(scope="module")
def image(project: Path, docker_engine: engine.Engine) -> Iterator[str]:
    tag = f"envctl-test-{uuid.uuid4().hex[:12]}"
    envctl(project, "image", "build", "--network", "host", "--tag", tag)
    yield tag
    engine.remove_image(tag)


@pytest.fixture
def service(image: str) -> Iterator[str]:
    """A running container of it: without a network, and with a file system that nobody can write to."""
    name = f"envctl-test-{uuid.uuid4().hex[:12]}"
    options = ("--detach", "--network=none", "--read-only", "--health-interval=1s")
    engine.docker("run", *options, f"--name={name}", image)
    try:
        until(lambda: state(name).get("Health", {}).get("Status") == "healthy", name)
        yield name
    finally:
        engine.docker("rm", "--force", name)


def state(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        engine.docker("container", "inspect", "--format={{json .State}}", name)
    )
    return found


def until(holds: Callable[[], bool], name: str) -> None:
    """Wait for it: a minute at most, for a machine that has other things to do."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.2)
    pytest.fail(engine.docker("logs", name) + json.dumps(state(name)))


def ask(name: str, *arguments: str) -> list[Any]:
    found: list[Any] = json.loads(engine.docker("exec", name, "python", "-c", ASK, *arguments))
    return found


def test_its_own_tests_pass(project: Path) -> None:
    assert "3 passed" in envctl(project, "run", "--", "pytest", "-q")


def test_it_answers(service: str) -> None:
    assert ask(service, "/summary", '{"numbers": [1, 5]}') == [
        200,
        {"count": 2, "mean": 3.0, "spread": 2.0},
    ]
    assert ask(service, "/summary", '{"numbers": "many"}')[0] == 400
    assert "rror" not in engine.docker("logs", service).replace("error_log", "")


def test_nobody_answering_is_not_healthy(image: str) -> None:
    done = engine.run(image, ["python", "healthy.py"], check=False)
    assert (done.returncode, "Connection refused" in done.stderr) == (1, True)


def test_it_is_stopped_when_what_has_begun_is_done(service: str) -> None:
    docker = str(engine.docker_cli())
    client = subprocess.Popen(
        [docker, "exec", "--interactive", service, "python", "-c", SLOW],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with client:
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
        with subprocess.Popen([docker, "stop", service], stdout=subprocess.DEVNULL) as stop:
            until(lambda: "Handling signal: term" in engine.docker("logs", service), service)
            answered, _ = client.communicate("\n")
            assert stop.wait() == 0
    assert answered.split(maxsplit=2)[1] == "200"
    assert '"mean":2.0' in answered
    assert (state(service)["Status"], state(service)["ExitCode"]) == ("exited", 0)


def test_compose_starts_it(project: Path, image: str, tmp_path: Path) -> None:
    """Without a network of its own and the published port: others use this machine as well."""
    compose = program("docker-compose", "Debian's package docker-compose")
    envctl(project, "export", "compose", "--image", image, "--output", "compose.yaml")
    apart = tmp_path / "apart.yaml"
    apart.write_text("services: {service: {network_mode: none}}\n")
    files = ("-f", "compose.yaml", "-f", str(apart))
    done = subprocess.run(
        [compose, *files, "run", "--rm", "-T", "service", "python", "-c", SEEN],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [ODD, "0", "/app"]


def test_an_editor_works_in_it(project: Path, image: str, tmp_path: Path) -> None:
    """The dev container's program starts it as an editor does; files written there are the caller's."""
    devcontainer = program("devcontainer", "npm's package @devcontainers/cli")
    where = ".devcontainer/devcontainer.json"
    envctl(project, "export", "devcontainer", "--image", image, "--output", where)
    own = ["--workspace-folder", str(project), "--docker-path", str(engine.docker_cli())]
    mark = f"devcontainer.local_folder={project}"
    environ = {**os.environ, "DOCKER_BUILDKIT": "1", "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}

    def called(*arguments: str) -> str:
        done = subprocess.run(
            [devcontainer, *arguments], env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        started = json.loads(called("up", *own).splitlines()[-1])
        assert (started["outcome"], started["remoteUser"]) == ("success", "app")
        code = f"{SEEN}; open('made', 'w'); import flask"
        assert json.loads(called("exec", *own, "python", "-c", code)) == [ODD, "0", "/app"]
        assert (project / "made").stat().st_uid == os.getuid()
    finally:
        listed = engine.docker("ps", "--all", "--quiet", f"--filter=label={mark}").split()
        for each in listed:
            made = engine.docker("container", "inspect", "--format={{.Config.Image}}", each).strip()
            engine.docker("rm", "--force", each)
            if made != image:
                engine.remove_image(made)
