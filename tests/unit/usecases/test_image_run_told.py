"""What a container is told: no value that may be secret stands in a command line."""

import pytest

from envctl.domain.environment.activation import Assignment
from envctl.domain.image.starting import Start
from envctl.emitters import container
from envctl.usecases.image_run import told


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("HF_TOKEN", False),
        ("MODE", False),
        # By their beginning they look like settings of the program that starts the container.
        ("DOCKER_PASSWORD", False),
        ("DOCKER_REGISTRY_TOKEN", False),
        ("CONTAINER_API_KEY", False),
        # That program would heed these itself, before any container is there.
        ("DOCKER_HOST", True),
        ("LD_PRELOAD", True),
        ("PATH", True),
    ],
)
def test_only_what_steers_the_starter_is_in_its_command_line(name: str, shown: bool) -> None:
    given = (Assignment(name=name, value="hunter22", source="command line"),)
    made, around = told(Start(image="x", argv=()), given, {"PATH": "/bin"})
    line = " ".join(container.docker(made))
    assert ("hunter22" in line) is shown
    assert (around.get(name) == "hunter22") is not shown
    assert f"--env={name}" in line
