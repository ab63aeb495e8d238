"""`export compose` and `export devcontainer`, read by docker-compose and by the dev container's own program."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import yaml

from tests.index.server import LocalIndex
from tests.integration.programs import program
from tests.integration.shells.stage import HOSTILE
from tests.integration.world import World

HOST = "NCCL_SOCKET_IFNAME"
ODD = {
    "local": "${localEnv:HOME}",
    "default": "${localEnv:NO_SUCH:x} ${NO_SUCH:-x} ${NO_SUCH?x}",
    "yaml": "no",
    "number": "08",
    "key": "a: b\n- c",
    "json": '", "image": "other',
}
VALUES = {f"V{n}": value for n, value in enumerate([*HOSTILE.values(), *ODD.values()])}
PLAIN = {name: value for name, value in VALUES.items() if "${" not in value}
DEVCONTAINER = ".devcontainer/devcontainer.json"


def manifest(**image: Any) -> str:
    project = {"name": "Zz.Made_vision", "version": "1", "dependencies": []}
    own = {
        "python": "3.11",
        "platforms": ["linux-x86_64"],
        "env": {**VALUES, HOST: "eth0"},
        "image": {"ports": [8000, 9090], **image},
        "profiles": {"cpu": {}},
    }
    return tomli_w.dumps({"project": project, "tool": {"envctl": own}})


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as served:
        yield served


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, index: LocalIndex) -> World:
    root = tmp_path_factory.mktemp("companions") / 'it\'s ${a} "pro" $ject'
    root.mkdir()
    world = World(root=root, index=index, environ={"HOME": str(root)})
    world.write("pyproject.toml", manifest())
    world.envctl("lock")
    return world


def composed(world: World, *files: str, **env: str) -> dict[str, Any]:
    """Return the one service as docker-compose understands it, with nothing set but what is given."""
    compose = program("docker-compose", "Debian's package docker-compose")
    names = [f"--file={name}" for name in files]
    done = world.run([compose, *names, "config"], env=env)
    assert done.stderr == ""
    (service,) = yaml.safe_load(done.stdout)["services"].items()
    assert service[0] == "zz-made-vision"
    found: dict[str, Any] = service[1]
    return found


def values(service: dict[str, Any]) -> dict[str, str]:
    """Return the variables; `config` writes them as a file for compose again."""
    return {name: value.replace("$$", "$") for name, value in service["environment"].items()}


def test_compose_replaces_nothing_in_a_value(locked: World) -> None:
    said = locked.envctl("export", "compose", "--profile", "cpu", "--output", "compose.yaml").stderr
    assert said == "wrote compose.yaml\n"
    service = composed(locked, "compose.yaml", NO_SUCH="no", HOME="no", **{HOST: "lo"})
    assert values(service) == {**VALUES, HOST: "lo"}
    assert service["image"] == "zz-made-vision:cpu"
    assert service["ports"] == ["127.0.0.1:8000:8000/tcp", "127.0.0.1:9090:9090/tcp"]
    assert service.keys() == {"image", "environment", "ports"}
    # What is not set outside is not set inside, empty neither.
    text = locked.read("compose.yaml")
    assert yaml.safe_load(text)["services"]["zz-made-vision"]["environment"][HOST] is None


def configuration(world: World, **env: str) -> dict[str, Any]:
    """Return what the dev container's program reads."""
    devcontainer = program("devcontainer", "npm's package @devcontainers/cli")
    argv = [devcontainer, "read-configuration", "--workspace-folder", str(world.root)]
    done = world.run(argv, env=env)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_dev_container_has_the_same_image_and_variables(locked: World) -> None:
    said = locked.envctl(
        "export", "devcontainer", "--profile", "cpu", "--output", DEVCONTAINER
    ).stderr
    told = {line.split()[1] for line in said.splitlines() if line.startswith("warning: ")}
    assert told == VALUES.keys() - PLAIN.keys()
    read = configuration(locked, NO_SUCH="no")
    assert read["workspace"]["workspaceFolder"] == "/app"
    found = read["configuration"]
    assert found["containerEnv"] == PLAIN
    assert found["image"] == "zz-made-vision:cpu"
    assert found["forwardPorts"] == [8000, 9090]
    assert found["runArgs"] == [f"--env={HOST}"]
    assert found["name"] == "Zz.Made_vision"
    assert "hostRequirements" not in found


def test_a_file_that_was_changed_is_not_replaced(locked: World) -> None:
    locked.envctl("export", "compose", "--profile", "cpu", "--output", "compose.yaml")
    again = locked.envctl("export", "compose", "--profile", "cpu", "--output", "compose.yaml")
    assert again.stderr == "compose.yaml is up to date\n"
    named = ("--image", "registry.example:5000/team/vision:1.0")
    other = locked.envctl("export", "compose", "--profile", "cpu", *named, "-o", "compose.yaml")
    assert "replaced" in other.stderr
    locked.edit("compose.yaml", "    ports:", "    restart: always\n    ports:")
    mine = locked.read("compose.yaml")
    refused = locked.envctl("export", "compose", "--profile", "cpu", "-o", "compose.yaml", code=3)
    assert "changed by hand" in refused.stderr
    assert locked.read("compose.yaml") == mine
    assert composed(locked, "compose.yaml")["image"] == named[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("compose", "--image", "Vision: 1"), 3, "is not the name of an image"),
        (("compose", "--image", "${HOME}"), 3, "is not the name of an image"),
        (("compose", "--output", "compose.json"), 2, "cannot name such a file"),
        (("devcontainer", "--output", "devcontainer.json"), 2, "cannot name such a file"),
        (("devcontainer", "--profile", "gpu"), 2, "gpu"),
    ],
)
def test_what_cannot_be_named(
    locked: World, arguments: tuple[str, ...], code: int, message: str
) -> None:
    refused = locked.envctl("export", *arguments, code=code)
    assert message in refused.stderr
    assert "next:" in refused.stderr


def test_the_image_is_called_as_the_build_calls_it(tmp_path: Path, index: LocalIndex) -> None:
    """A project without a name, in a folder that is none: both say the same, and so does `--json`."""
    from envctl.domain.image.reference import parse_reference
    from envctl.usecases.image_build import default_tag

    root = tmp_path / "${localEnv:HOME} 漢"
    root.mkdir()
    world = World(root=root, index=index, environ={"HOME": str(tmp_path)})
    world.write("pyproject.toml", '[tool.envctl]\npython = "3.11"\nplatforms = ["linux-x86_64"]\n')
    world.envctl("lock")
    reported = world.json("export", "devcontainer")["result"]
    assert reported["format"] == "devcontainer"
    tables = json.loads(re.sub(r"^//.*\n", "", reported["text"]))
    service = yaml.safe_load(world.envctl("export", "compose").stdout)["services"]["localenv-home"]
    assert tables["image"] == service["image"] == default_tag(None, root.name, None)
    assert parse_reference(service["image"]).tag == "latest"
    world.write(DEVCONTAINER, reported["text"])
    assert configuration(world)["configuration"]["name"] == "{localEnv:HOME} 漢"
