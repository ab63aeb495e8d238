"""The stages in which sources become wheels, as an independent reader sees them."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.domain import blocks
from envctl.domain.image import Image, Service
from envctl.emitters import dockerfile, dockerignore
from envctl.errors import ImageError
from tests import image_projects as projects
from tests.unit.emitters import dockerfile_reader as reader

FLASH = "flash-attn==2.8.3"
_TEXT = st.text(
    st.sampled_from("ab\"'$\\`#{}<>&|; \tFROM=é\u2028") | st.characters(exclude_categories=["Cs"])
).filter(lambda text: not set(text) & set("\n\r\0"))


def stages(image: Image) -> dict[str, list[tuple[str, str]]]:
    """Return the instructions after each FROM, by the stage's name; the first is the image it starts from."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, rest in reader.instructions(blocks.text(dockerfile.emit(image, {}))):
        if kind == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = [(kind, base)]
        else:
            list(found.values())[-1].append((kind, rest))
    return found


def with_build(**changes: Any) -> Image:
    """The project of `kernels` with another word on how flash-attn is built."""
    builds = projects.KERNELS_BUILDS["builds"]
    return projects.kernels(builds={**builds, FLASH: {**builds[FLASH], **changes}})


def environment(lines: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, rest in lines:
        if kind == "ENV":
            found |= reader.pairs(rest)
    return found


def test_the_final_image_takes_nothing_from_a_builder() -> None:
    found = stages(projects.kernels())
    taken = [re.search(r"--from=(\S+)", rest) for _, rest in found["final"]]
    assert [match[1] for match in taken if match] == ["heavy", "light", "project"]
    assert found["final"][0] == ("FROM", "base")
    for name in ("heavy", "light", "project"):
        assert found[name][0] == ("FROM", "empty")
        carried = re.findall(r"--mount=type=bind,from=(\S+?),source=(\S+?),", found[name][1][1])
        assert {source for stage, source in carried if stage != "uv"} == {"/wheels"}


def test_each_wheel_goes_where_it_belongs() -> None:
    found = stages(projects.kernels())
    wanted = {"heavy": ["flash-attn==2.8.3"], "light": ["made-c==1.0+x.1"]}
    wanted["project"] = ["kernels-of-ours"]
    for name, wheels in wanted.items():
        text = found[name][1][1]
        assert (
            re.findall(r"pip install [^&;]*--python /opt/venv/bin/python '([^']+)'", text) == wheels
        )


def test_the_step_that_runs_a_build_sees_no_secret_and_no_shared_cache() -> None:
    found = stages(projects.kernels())
    made = [name for name in found if name.startswith("build-") or name == "package"]
    assert sorted(made) == ["build-flash-attn", "build-made-c", "build-made-ninja", "package"]
    for name in made:
        runs = [rest for kind, rest in found[name] if kind == "RUN"]
        assert ["uv build" in run for run in runs] == [False, True]
        assert "id=netrc" in runs[0]
        assert "secret" not in runs[1]
        assert "type=cache" not in runs[1]


def test_nvcc_comes_from_nvidia_with_what_the_contract_has_kernels_for() -> None:
    found = stages(projects.kernels())
    assert found["toolkit"] == [("FROM", "docker.io/nvidia/cuda:12.6.3-devel-ubuntu22.04")]
    assert found["builder"][:2] == [
        ("FROM", "docker.io/library/python:3.11-bookworm"),
        ("COPY", "--from=toolkit /usr/local/cuda-12.6 /usr/local/cuda-12.6"),
    ]
    env = environment(found["build-flash-attn"])
    assert env["TORCH_CUDA_ARCH_LIST"] == "5.0;6.0;7.0;7.5;8.0;8.6;9.0"
    assert env["NVCC_PREPEND_FLAGS"] == "-D'X=\"$HOME\"'"
    assert "TORCH_CUDA_ARCH_LIST" not in environment(found["build-made-c"])


def test_what_the_manifest_says_of_the_kernels_counts_more() -> None:
    made = with_build(env={"TORCH_CUDA_ARCH_LIST": "9.0a"})
    assert environment(stages(made)["build-flash-attn"])["TORCH_CUDA_ARCH_LIST"] == "9.0a"


def test_a_source_for_one_machine_is_built_on_that_one_alone() -> None:
    found = stages(projects.kernels())
    runs = [rest for kind, rest in found["build-made-c"] if kind == "RUN"]
    assert all("case $(uname -m) in aarch64) ;; *) " in run for run in runs)
    assert "case $(uname -m) in aarch64) UV_" in found["light"][1][1]
    assert "uname" not in found["build-flash-attn"][2][1]


def test_a_source_that_another_is_built_with_comes_first() -> None:
    found = stages(projects.kernels())
    names = list(found)
    assert names.index("build-made-ninja") < names.index("build-flash-attn")
    compiling = found["build-flash-attn"][-1][1]
    assert "from=build-made-ninja,source=/wheels" in compiling
    assert compiling.index("'made-ninja==1.12'") < compiling.index("uv build")


@pytest.mark.parametrize(
    ("settings", "base", "installed"),
    [
        ('builder = "reg.example/own:3.11-bookworm"', "reg.example/own:3.11-bookworm", []),
        ('registry = "reg.example/m"', "reg.example/m/python:3.11-bookworm", []),
        ('base = "reg.example/p:3.11-slim-bookworm"', "base", ["g++", "gcc", "libc6-dev"]),
        ('build-packages = ["libpq-dev"]', "docker.io/library/python:3.11-bookworm", ["libpq-dev"]),
    ],
)
def test_where_the_compilers_come_from(settings: str, base: str, installed: list[str]) -> None:
    found = stages(projects.kernels(settings))
    assert found["builder"][0] == ("FROM", base)
    asked = re.findall(r"install -y --no-install-recommends ([^&]*) &&", found["builder"][-1][1])
    assert [words.split() for words in asked] == ([installed] if installed else [])
    assert ("toolkit" in found) == ("builder =" not in settings)
    assert ("must have Python 3.11" in str(found["builder"])) == ("builder =" in settings)


def test_without_a_compiler_the_base_image_builds() -> None:
    assert stages(projects.packaged())["builder"] == [("FROM", "base")]


def test_a_package_is_built_from_what_backends_read() -> None:
    found = stages(projects.kernels())
    copied = [reader.words(rest)[0] for kind, rest in found["package"] if kind == "COPY"]
    assert copied == ["pyproject.toml", "LICENSE", "README.md", "setup.cfg", "src"]
    assert not any(" /app/" in rest for kind, rest in found["final"] if kind == "COPY")
    assert dockerignore.emit(projects.kernels())[2:7] == tuple(f"!{path}" for path in copied)


def test_a_service_says_how_it_is_dealt_with() -> None:
    lines = stages(projects.kernels())["final"]
    said = {kind: rest for kind, rest in lines if kind in {"EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}}
    assert said["EXPOSE"] == "8000 9090"
    assert said["STOPSIGNAL"] == "SIGINT"
    assert reader.words(said["HEALTHCHECK"]) == ["python", "-m", "kernels.alive", "--quiet"]


@settings(deadline=None)
@given(value=_TEXT, command=st.lists(_TEXT, min_size=1))
def test_hostile_text_stays_where_it_was_put(value: str, command: list[str]) -> None:
    made = with_build(env={"ODD": value})
    found = stages(made)
    assert environment(found["build-flash-attn"])["ODD"] == value
    kinds = {
        name: [kind for kind, _ in lines]
        for name, lines in stages(with_build(env={"ODD": ""})).items()
    }
    assert {name: [kind for kind, _ in lines] for name, lines in found.items()} == kinds
    served = replace(projects.packaged(), service=Service(healthcheck=tuple(command)))
    lines = stages(served)["final"]
    assert next(reader.words(rest) for kind, rest in lines if kind == "HEALTHCHECK") == command


def test_a_line_end_in_a_build_s_variable_is_refused() -> None:
    with pytest.raises(ImageError) as caught:
        stages(with_build(env={"ODD": "a\nRUN id"}))
    assert caught.value.where == "tool.envctl.build.flash-attn.env.ODD"
