"""The Dockerfile's text: golden files, hostile input, and what each target may hold."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain import blocks
from envctl.domain.image import Image
from envctl.emitters import dockerfile, dockerignore
from envctl.errors import ImageError
from envctl.usecases.dockerize_pins import pinned
from tests import image_projects as projects
from tests.unit.emitters import dockerfile_reader as reader

# Read at import: the tests' own fixture takes every ENVCTL_* away.
UPDATE = bool(os.environ.get("ENVCTL_UPDATE_GOLDEN"))
GOLDEN = Path(__file__).parents[2] / "golden"
# Fixed companions: a word changed in preflight.py must not change every golden file.
FILES = {"contract.json": "{}\n", "uv.txt": "uv\n"}
IMAGES: dict[str, Callable[[], Image]] = {
    "cpu": lambda: projects.image(projects.CPU, *projects.CPU_PACKAGES),
    "gpu-docker": lambda: projects.image(projects.GPU, *projects.GPU_PACKAGES),
    "gpu-slurm": lambda: _for("slurm"),
    "gpu-kubernetes": lambda: _for("kubernetes"),
    "kernels": projects.kernels,
    "package": projects.packaged,
    "hermetic": lambda: projects.image(projects.HERMETIC, *projects.GPU_PACKAGES),
    "hermetic-kernels": lambda: projects.kernels('build = "hermetic"'),
    "empty": lambda: projects.image(projects.CPU.replace('"numpy", "pandas"', "")),
}


def _for(name: str) -> Image:
    text = projects.GPU.replace('for = "docker"', f'for = "{name}"')
    return projects.image(text, *projects.GPU_PACKAGES)


def _text(image: Image) -> str:
    return blocks.text(dockerfile.emit(image, FILES))


@pytest.mark.parametrize("name", IMAGES)
def test_golden(name: str) -> None:
    """Run with ENVCTL_UPDATE_GOLDEN=1 to write them anew."""
    made = IMAGES[name]()
    text = _text(pinned(made, None, lambda _: projects.DIGEST, upgrade_base=False))
    golden = GOLDEN / f"{name}.Dockerfile"
    if UPDATE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_no_public_address_and_no_version_of_envctl_in_what_is_written() -> None:
    for golden in GOLDEN.glob("*.Dockerfile"):
        text = golden.read_text(encoding="utf-8")
        assert "pypi" not in text
        assert "pip install envctl" not in text


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.Dockerfile")), ids=lambda path: path.stem)
def test_hadolint_is_silent(golden: Path) -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path="/opt/dev/bin")
    if hadolint is None:
        pytest.fail("hadolint is missing: install the group `test`")
    done = subprocess.run([hadolint, golden], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_heavy_comes_before_anything_that_a_light_package_changes() -> None:
    lines = _text(IMAGES["gpu-docker"]()).splitlines()
    heavy = lines.index("COPY --from=heavy /opt/venv /opt/venv")
    assert lines[heavy - 1] == "FROM base AS final"
    assert not any(line.startswith("LABEL") for line in lines[:heavy])


def test_source_comes_last() -> None:
    kinds = [kind for kind, _ in reader.instructions(_text(IMAGES["gpu-docker"]()))]
    assert kinds[-6:] == ["RUN", "COPY", "WORKDIR", "USER", "ENTRYPOINT", "CMD"]


@pytest.mark.parametrize(
    ("target", "there", "absent"),
    [
        ("docker", {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HOME"}, set()),
        ("slurm", {"NVIDIA_VISIBLE_DEVICES"}, {"CUDA_VISIBLE_DEVICES", "HOME", "HF_HOME"}),
        ("kubernetes", {"HOME"}, {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"}),
    ],
)
def test_what_each_target_may_hold(target: str, there: set[str], absent: set[str]) -> None:
    env = _environment(_text(_for(target)))
    assert there <= set(env)
    assert not set(env) & (absent | {"HF_TOKEN", "NCCL_SOCKET_IFNAME", "CUDA_VERSION"})
    assert env["NVIDIA_REQUIRE_CUDA"] == "cuda>=12.0"
    assert env["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"


def test_a_declared_variable_replaces_the_image_s_own() -> None:
    text = projects.GPU.replace(
        'HF_TOKEN = "never"', 'CUDA_DEVICE_ORDER = "FASTEST_FIRST"\nHF_HOME = "/data/hf"'
    )
    env = _environment(_text(projects.image(text, *projects.GPU_PACKAGES)))
    assert env["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"
    assert env["HF_HOME"] == "/data/hf"


def test_the_same_for_a_shuffled_lock() -> None:
    one = projects.image(projects.GPU, *projects.GPU_PACKAGES)
    other = projects.image(projects.GPU, *reversed(projects.GPU_PACKAGES))
    assert _text(one) == _text(other)


def test_only_what_is_allowed_reaches_the_engine() -> None:
    lines = dockerignore.emit(IMAGES["cpu"]())
    assert lines[:4] == ("**", "!.envctl/image", "!train.py", "!vision")
    assert not any(line.startswith("**/.env*") for line in lines)  # that would exclude .envctl


_ODD = st.text(
    st.sampled_from("ab\"'$\\`#{}<>&|; \tFROM=\u00e9\u2028")
    | st.characters(exclude_categories=["Cs"])
)
_LINES = st.text(st.sampled_from("a\n\r\0"), min_size=1).filter(lambda t: not t.isalpha())


@given(value=_ODD.filter(lambda t: not set(t) & set("\n\r\0")), name=_ODD, command=st.lists(_ODD))
def test_hostile_text_stays_where_it_was_put(value: str, name: str, command: list[str]) -> None:
    """The file has the same instructions as with harmless text, and each holds the text byte for byte."""
    made = projects.image(projects.CPU, *projects.CPU_PACKAGES)
    label = name.translate({0: None, 10: None, 13: None})
    argv = tuple(word.replace("\0", "") for word in command) or ("python",)
    baked = type(made.variables)(env={"PYTHONHASHSEED": value})
    hostile = replace(made, name=label, command=argv, variables=baked)
    text = _text(hostile)
    kinds = [kind for kind, _ in reader.instructions(_text(made))]
    found = reader.instructions(text)
    assert [kind for kind, _ in found] == kinds
    assert reader.words(found[-1][1]) == list(argv)
    assert _environment(text)["PYTHONHASHSEED"] == value
    labels = next(reader.pairs(rest) for kind, rest in found if kind == "LABEL")
    assert labels.get("org.opencontainers.image.title", "") == label


@given(value=_LINES)
def test_a_line_end_is_refused(value: str) -> None:
    text = projects.CPU.replace('PYTHONHASHSEED = "0"', "")
    made = projects.image(text, *projects.CPU_PACKAGES)
    baked = type(made.variables)(env={"X": value})
    with pytest.raises(ImageError) as caught:
        _text(replace(made, variables=baked))
    assert caught.value.where == "tool.envctl.env.X"


@pytest.mark.parametrize(
    "path", ["../x", "/etc", "a\nRUN id", "*.py", "!x", "a/../b", "$HOME", ".", "", 'a"b', "<<EOF"]
)
def test_odd_source_paths_are_refused(path: str) -> None:
    text = projects.CPU.replace("command =", f"source = [{_toml(path)}]\ncommand =")
    with pytest.raises(ImageError) as caught:
        projects.image(text, *projects.CPU_PACKAGES)
    assert caught.value.where == "tool.envctl.image.source[0]"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("base", "python:3.11\nRUN id"),
        ("base", "python"),
        ("base", "python:3.11-alpine3.20"),
        ("registry", "https://registry.example"),
        ("registry", "registry.example/x y"),
    ],
)
def test_odd_images_are_refused(key: str, value: str) -> None:
    text = projects.CPU.replace("command =", f"{key} = {_toml(value)}\ncommand =")
    with pytest.raises(ImageError) as caught:
        projects.image(text, *projects.CPU_PACKAGES)
    assert caught.value.where == f"tool.envctl.image.{key}"


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _environment(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, rest in reader.instructions(text):
        if kind == "ENV":
            found |= reader.pairs(rest)
    return found


@given(value=_ODD.filter(lambda t: not set(t) & set("\n\r\0")))
def test_what_was_written_is_found_again_unedited(value: str) -> None:
    made = projects.image(projects.CPU, *projects.CPU_PACKAGES)
    baked = type(made.variables)(env={"PYTHONHASHSEED": value})
    text = _text(replace(made, variables=baked))
    block = blocks.find("# mine\n" + text + "RUN true\n", "Dockerfile")
    assert block is not None
    assert (block.before, block.after, block.edited) == ("# mine\n", "RUN true\n", False)


@pytest.mark.parametrize(("name", "lists"), [("hermetic", 2), ("hermetic-kernels", 6)])
def test_a_hermetic_file_needs_neither_network_nor_buildkit(name: str, lists: int) -> None:
    """No mount, no `--chmod`, no heredoc, nothing fetched: the builder of the engine's own API takes it."""
    found = reader.instructions(_text(IMAGES[name]()))
    flags = [word for _, rest in found for word in rest.split() if word.startswith("--")]
    copies = [rest for kind, rest in found if kind == "COPY"]
    assert not any(rest.startswith(("--chmod", "--link", "--chown", "<<")) for rest in copies)
    assert not {flag.partition("=")[0] for flag in flags} & {"--mount", "--network", "--security"}
    runs = " ".join(rest for kind, rest in found if kind == "RUN")
    assert "--index-url" not in runs
    assert runs.count("pip install --no-cache-dir") == runs.count("--find-links . ") == 1
    assert runs.count("pip sync") == runs.count("--offline --no-cache /opt/bundle/") == lists
    assert runs.count("sha256sum --check --strict") == lists + 1
    assert "apt-get" not in runs
    assert "ADD" not in {kind for kind, _ in found}


def test_the_final_stage_differs_between_flavours_in_copies_alone() -> None:
    texts = (_text(projects.image(text, *projects.GPU_PACKAGES)) for text in _FLAVOURS)
    stages = (text.partition("FROM base AS final\n")[2] for text in texts)
    one, other = (
        [(kind, rest) for kind, rest in reader.instructions(stage) if kind != "COPY"]
        for stage in stages
    )
    assert one == other
    assert len(one) > 6


_FLAVOURS = (
    projects.HERMETIC,
    projects.HERMETIC.replace('build = "hermetic"', 'build = "buildkit"'),
)
