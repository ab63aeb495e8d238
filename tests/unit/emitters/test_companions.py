"""compose.yaml and devcontainer.json of images with CUDA, and whatever a value or a name may hold."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain import seal
from envctl.domain.image.companion import Companion
from envctl.domain.image.variables import Baked
from envctl.emitters.exports import compose, devcontainer
from tests.image_projects import (
    CPU,
    CPU_PACKAGES,
    GPU,
    GPU_PACKAGES,
    PACKAGE,
    PACKAGE_BUILDS,
    image,
)

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
# What compose replaces (compose-spec, "Interpolation"); after `$$` nothing is looked at again.
DOLLAR = re.compile(r"\$(\$|[A-Za-z_][A-Za-z0-9_]*|\{[^}]*\}|)")


def companion(text: str = GPU, *packages: Any, reference: str = "vision:latest") -> Companion:
    made = image(text, *(packages or GPU_PACKAGES))
    return Companion(project="vision", reference=reference, image=made)


def service(told: Companion) -> dict[str, Any]:
    ((_, found),) = yaml.safe_load(compose.emit(told).text)["services"].items()
    assert isinstance(found, dict)
    return found


def container(told: Companion) -> dict[str, Any]:
    comment, _, rest = devcontainer.emit(told).text.partition("\n")
    assert comment.startswith("// ")
    found: dict[str, Any] = json.loads(rest)
    return found


def devices(found: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = found["deploy"]["resources"]["reservations"]["devices"]
    return listed


def test_a_declared_choice_is_among_all_gpus() -> None:
    """CUDA_VISIBLE_DEVICES=2 means outside's third card only where all of them are there."""
    found = service(companion())
    assert devices(found) == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    assert found["environment"]["CUDA_VISIBLE_DEVICES"] == "2"
    assert "runtime" not in found


@pytest.mark.parametrize("target", ["slurm", "kubernetes"])
def test_without_one_it_is_as_many_as_are_needed(target: str) -> None:
    found = service(companion(GPU.replace('for = "docker"', f'for = "{target}"')))
    assert devices(found)[0]["count"] == 2
    assert "CUDA_VISIBLE_DEVICES" not in found["environment"]
    alone = GPU.replace("count = 2", "").replace('CUDA_VISIBLE_DEVICES = "2"', "")
    assert devices(service(companion(alone)))[0]["count"] == 1


def test_a_lock_without_cuda_reserves_nothing() -> None:
    told = companion(CPU, *CPU_PACKAGES)
    assert service(told).keys() == {"image", "environment"}
    assert "hostRequirements" not in container(told)
    assert "runArgs" not in container(told)


@pytest.mark.parametrize(("required", "gpu"), [("true", True), ("false", "optional")])
def test_whether_a_gpu_must_be_there(required: str, gpu: object) -> None:
    told = companion(GPU.replace("required = true", f"required = {required}"))
    assert container(told)["hostRequirements"] == {"gpu": gpu}
    assert bool(compose.emit(told).warnings) == (required == "false")
    assert devices(service(told))


def test_secrets_are_named_and_never_written() -> None:
    told = companion()
    names = ("HF_TOKEN", "NCCL_SOCKET_IFNAME")
    assert told.passed == names
    assert {name: service(told)["environment"][name] for name in names} == dict.fromkeys(names)
    found = container(told)
    assert found["runArgs"] == [*(f"--env={name}" for name in names), "--shm-size=8g"]
    assert found["secrets"] == {"HF_TOKEN": {}}
    assert names[0] not in found["containerEnv"]
    for text in (compose.emit(told).text, devcontainer.emit(told).text):
        assert ("never" in text, "eth0" in text, seal.intact(text)) == (False, False, True)


def test_both_say_the_same() -> None:
    told = companion(reference="registry.example/team/vision@sha256:" + "a" * 64)
    assert service(told)["image"] == container(told)["image"] == told.reference
    values = {name: text for name, text in service(told)["environment"].items() if text}
    assert values == container(told)["containerEnv"] == dict(told.image.variables.env)


def test_a_package_is_not_edited_in_place() -> None:
    made = image(PACKAGE, *CPU_PACKAGES, builds=PACKAGE_BUILDS)
    (warning,) = devcontainer.emit(
        Companion(project="churn", reference="churn:latest", image=made)
    ).warnings
    assert "package" in warning


def interpolated(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        assert match[1] == "$", f"compose replaces {match[0]!r}, or refuses it"
        return "$"

    return DOLLAR.sub(one, text)


BASE = companion()


@given(env=st.dictionaries(NAMES, TEXTS, max_size=4), project=TEXTS)
def test_whatever_they_hold(env: dict[str, str], project: str) -> None:
    made = replace(BASE.image, variables=Baked(env=env))
    told = Companion(project=project, reference="vision:latest", image=made)
    table = yaml.safe_load(compose.emit(told).text)
    assert table.keys() == {"services"}
    ((name, found),) = table["services"].items()
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert found.keys() <= {"image", "environment", "deploy", "shm_size"}
    read = {key: interpolated(text) for key, text in found.get("environment", {}).items()}
    assert read == env
    there = container(told)
    assert there.get("containerEnv", {}) == {k: v for k, v in env.items() if "${" not in v}
    # Only what envctl itself writes there is replaced by the dev container's tools.
    texts = json.dumps({**there, "workspaceMount": ""})
    assert "${" not in texts
