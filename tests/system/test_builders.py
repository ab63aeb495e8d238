"""Each builder with the same small Dockerfile: the real programs, as they are installed here."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from envctl.adapters.builders import BUILDERS
from envctl.adapters.process import run
from envctl.domain.image.order import Event, Order, Output, Secret, Step
from envctl.errors import ContainerError
from envctl.ports import Builder
from tests.system import engine

pytestmark = pytest.mark.docker

BODY = """\
RUN echo one && echo two >&2
COPY word /word
"""


@pytest.fixture(params=BUILDERS)
def builder(request: pytest.FixtureRequest) -> Builder:
    found = BUILDERS[request.param]
    program = found.NAME.removesuffix("-api")
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}: apt-get install {program}")
    return found


@pytest.fixture
def order(tmp_path: Path, python_base: engine.BaseImage) -> Iterator[Order]:
    """By the registry's own name: Podman asks no mirror of the engine's."""
    tag = f"zz-made-{uuid.uuid4().hex[:8]}:1"
    base = f"{engine.REGISTRY_NAME}/library/python:{python_base.tag}"
    context = tmp_path / "con text"
    context.mkdir()
    (context / "word").write_text("word")
    (context / "Dockerfile").write_text(f"FROM {base}\nENV MADE={uuid.uuid4().hex}\n{BODY}")
    settings = tmp_path / "registries.conf"
    settings.write_text(f'[[registry]]\nlocation = "{engine.REGISTRY_NAME}"\ninsecure = true\n')
    os.environ["CONTAINERS_REGISTRIES_CONF"] = str(settings)
    try:
        yield Order(context=context, dockerfile="Dockerfile", flavour="hermetic", tags=(tag,))
    finally:
        del os.environ["CONTAINERS_REGISTRIES_CONF"]
        engine.remove_image(tag)
        for program in filter(shutil.which, ("podman", "buildah")):
            run([program, "rmi", "--force", tag])


def build(builder: Builder, order: Order, workspace: Path) -> tuple[str, list[Event]]:
    heard: list[Event] = []
    made = builder.build(order, run=run, heard=heard.append, workspace=workspace)
    return made.identity, heard


def test_it_builds_and_tells_its_steps(builder: Builder, order: Order, tmp_path: Path) -> None:
    identity, heard = build(builder, order, tmp_path)
    assert len(identity.removeprefix("sha256:")) == 64
    written = {event.text for event in heard if isinstance(event, Output)}
    assert {"one", "two"} <= written
    ends = [each for each in heard if isinstance(each, Step) and each.state == "done"]
    assert any("COPY word" in each.title for each in ends)
    layers = builder.layers(order.tags[0], run=run)
    assert layers[0].size > 10_000_000
    assert any("echo one" in layer.made_by or "COPY" in layer.made_by for layer in layers[1:])


def test_it_names_the_step_that_fails(builder: Builder, order: Order, tmp_path: Path) -> None:
    with (order.context / "Dockerfile").open("a") as file:
        file.write("RUN echo this is why; exit 3\n")
    heard: list[Event] = []
    with pytest.raises(ContainerError) as raised:
        builder.build(order, run=run, heard=heard.append, workspace=tmp_path)
    assert "a step of the build failed" in raised.value.message
    assert "RUN echo this is why" in (raised.value.where or "")
    assert "this is why" in {event.text for event in heard if isinstance(event, Output)}


def test_a_secret_is_read_and_not_kept(builder: Builder, order: Order, tmp_path: Path) -> None:
    if "buildkit" not in builder.FLAVOURS:
        with pytest.raises(ContainerError, match="no secrets"):
            builder.build(
                _with_secret(order, tmp_path), run=run, heard=lambda _: None, workspace=tmp_path
            )
        return
    with (order.context / "Dockerfile").open("a") as file:
        file.write("RUN --mount=type=secret,id=s wc -c < /run/secrets/s\n")
    _, heard = build(builder, _with_secret(order, tmp_path), tmp_path)
    assert "12" in {event.text.strip() for event in heard if isinstance(event, Output)}
    assert not any("word-of-pass" in str(event) for event in heard)


def _with_secret(order: Order, folder: Path) -> Order:
    from dataclasses import replace

    path = folder / "a,b"
    path.write_text("word-of-pass")
    return replace(order, secrets=(Secret(name="s", path=path),))
