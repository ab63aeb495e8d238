"""What `image build` orders of a builder, and what it refuses before one is asked."""

from pathlib import Path

import pytest

from envctl.adapters.builders import BUILDERS
from envctl.domain.image.order import Order, Step
from envctl.emitters.image_text import brief, title
from envctl.errors import ImageError, UsageError
from envctl.usecases.image_build import order, provable, unchanged, witness
from tests import image_projects as projects
from tests.unit.checks.test_image import Workspace

ONE = projects.GPU.replace('"linux-aarch64", ', "")


def ordered(
    root: Path,
    text: str = projects.GPU,
    *,
    target: str | None = None,
    tags: tuple[str, ...] = (),
    given: tuple[str, ...] = (),
) -> Order:
    made = Workspace(root, text, *projects.GPU_PACKAGES)
    made.dockerize()
    return order(
        made.project,
        made.manifest,
        made.lock,
        secrets=lambda _asked, _urls: (),
        environ={},
        target=target,
        tags=tags,
        given=given,
        exists=lambda path: Path(path).exists(),
    )


@pytest.mark.parametrize(
    "target", ["linux/amd64", "amd64", "linux/arm64/v8", "linux/amd64,linux/arm64"]
)
def test_a_platform_that_the_dockerfile_installs_for(tmp_path: Path, target: str) -> None:
    assert ordered(tmp_path, target=target).target == target


@pytest.mark.parametrize("target", ["linux/arm64", "arm64", "linux/amd64,linux/arm64"])
def test_another_one_would_hold_the_wrong_wheels(tmp_path: Path, target: str) -> None:
    """With a base image of one processor alone, docker builds that and calls it the other."""
    with pytest.raises(UsageError, match="arm64: its Dockerfile installs") as raised:
        ordered(tmp_path, ONE, target=target)
    assert '"linux-aarch64"' in (raised.value.hint or "")


@pytest.mark.parametrize("target", ["windows/amd64", "linux/riscv64", "linux", ""])
def test_what_is_no_platform(tmp_path: Path, target: str) -> None:
    with pytest.raises(UsageError, match="is no platform"):
        ordered(tmp_path, target=target)


def test_a_name_in_capitals_is_told_how_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as raised:
        ordered(tmp_path, tags=("Service:1",))
    assert "small letters" in (raised.value.hint or "")


def test_a_secret_s_file_is_looked_for_before_the_build(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file `/nowhere/token`"):
        ordered(tmp_path, given=("token=/nowhere/token",))


def test_a_step_s_title_says_what_it_does() -> None:
    """Not how all of ours begin."""
    text = (
        "[light 1/1] RUN --mount=type=secret,id=ca,target=/run/secrets/ca     if [ -s /run/secrets/ca ]; "
        "then export SSL_CERT_FILE=/run/secrets/ca; fi  && UV_LINK_MODE=copy PYC_INVALIDATION_MODE=CHECKED_HASH "
        "/opt/uv/bin/uv pip sync --no-config"
    )
    assert brief(text) == "[light 1/1] RUN /opt/uv/bin/uv pip sync --no-config"
    assert title(Step(key="x", title=text, state="running"), 20) == "[light 1/1] RUN ..."


def test_a_file_that_is_renewed_while_it_is_built(tmp_path: Path) -> None:
    """`envctl dockerize` in another terminal: the engine may have read one file before and one after."""
    made = Workspace(tmp_path, projects.GPU, *projects.GPU_PACKAGES)
    made.dockerize()
    before = witness(made.project, None)
    assert {"Dockerfile", ".dockerignore", ".envctl/image/pylock.light.toml"} <= before.keys()
    unchanged(before, made.project, None, ("x:1",))
    made.project.write({".envctl/image/uv.txt": "another"})
    with pytest.raises(ImageError, match="while x:1 was built") as raised:
        unchanged(before, made.project, None, ("x:1",))
    assert raised.value.where == ".envctl/image/uv.txt"


@pytest.mark.parametrize("name", BUILDERS)
def test_only_what_an_engine_has_is_proved_after_the_build(name: str) -> None:
    """Podman's image of a name is not the engine's of that name, which may be of last year."""
    if name.startswith("docker"):
        provable(BUILDERS[name])
        return
    with pytest.raises(UsageError, match="keeps its own") as raised:
        provable(BUILDERS[name])
    assert raised.value.where == "--verify"
