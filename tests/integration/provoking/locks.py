"""How a lock comes to disagree with its manifest, or with CUDA."""

from tests.integration.provoking import Case, Near
from tests.integration.world import World


def stale(world: World) -> None:
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')


def missing(world: World) -> None:
    (world.root / "pylock.toml").unlink()


def broken(world: World) -> None:
    text = world.read("pylock.toml")
    world.write("pylock.toml", f"<<<<<<< ours\n{text}=======\n>>>>>>> theirs\n")


def foreign(world: World) -> None:
    text = world.read("pylock.toml").replace('created-by = "envctl"', 'created-by = "uv"')
    world.write("pylock.toml", text.partition("[tool.envctl]")[0])


def edited(world: World) -> None:
    text = world.read("pylock.toml")
    at = text.index("sha256 = ") + 10
    flipped = "0" if text[at] != "0" else "1"
    world.write("pylock.toml", text[:at] + flipped + text[at + 1 :])


def reframed(world: World) -> None:
    text = world.read("pylock.toml")
    at = text.index("requires-python = ")
    end = text.index("\n", at)
    world.write("pylock.toml", text[:at] + 'requires-python = ">=3.5"' + text[end:])


def incomplete(world: World) -> None:
    """Take a package that another one needs, with all that is said of it: as a clean merge can."""
    text = world.read("pylock.toml")
    blocks = text.split("[[packages]]\n")
    kept = [block for block in blocks if not block.startswith('name = "zz-made-lib"')]
    text = "[[packages]]\n".join(kept)
    lines = [line for line in text.splitlines() if not line.startswith('"zz-made-lib==1.1" = "sha')]
    world.write("pylock.toml", "\n".join(lines) + "\n")


def local(world: World) -> None:
    text = world.read("pylock.toml").replace(world.index.origin, "file:///home/ana/wheels")
    world.write("pylock.toml", text)


PROFILES = """
[tool.envctl.profiles.one]
dependencies = ["zz-made-plot"]
[tool.envctl.profiles.two]
"""


def profiles(world: World) -> None:
    """Give the project two profiles; the plain lock stays where it was."""
    world.write("pyproject.toml", world.read("pyproject.toml") + PROFILES)


def skewed(world: World) -> None:
    """Lock one profile with another version, as a merge of two branches can leave it."""
    profiles(world)
    world.envctl("lock")
    text = world.read("pyproject.toml")
    world.edit("pyproject.toml", "[tool.envctl.env]", '[tool.envctl.env]\nA = "1"')
    world.edit(
        "pyproject.toml",
        'platforms = ["linux',
        'constraints = ["zz-made-lib<1.1"]\nplatforms = ["linux',
    )
    world.envctl("lock")
    other = world.read("pylock.two.toml")
    world.write("pyproject.toml", text)
    world.envctl("lock", "--upgrade")
    world.write("pylock.two.toml", other)


def asks(world: World, *requirements: str) -> None:
    """Lock a project that asks for these."""
    listed = ", ".join(f'"{each}"' for each in requirements)
    world.edit("pyproject.toml", '"torch"', listed)
    world.envctl("lock")


def without_cudnn(world: World) -> None:
    """Take cuDNN out of the lock, as a clean merge can."""
    asks(world, "torch==2.10.0")
    blocks = world.read("pylock.toml").split("[[packages]]\n")
    kept = [block for block in blocks if not block.startswith('name = "nvidia-cudnn-cu12"')]
    assert len(kept) < len(blocks)
    world.write("pylock.toml", "[[packages]]\n".join(kept))


def assumed(world: Near) -> None:
    """Let the lock rest on an assumption, as one does that an older envctl wrote."""
    asks(world, "torch==2.10.0")
    text = world.read("pylock.toml")
    head, mark, rest = text.partition("[tool.envctl.contract]\n")
    world.write("pylock.toml", f'{head}{mark}assumed = ["torch is newer than the tables"]\n{rest}')


CASES = (
    Case(code="lock-missing", layer="lock", way="fix", provoke=missing),
    Case(code="lock-unreadable", layer="lock", way="fix", provoke=broken),
    Case(code="lock-unreadable", layer="fleet", way="fix", provoke=broken),
    Case(code="lock-foreign", layer="lock", way="fix", provoke=foreign),
    Case(code="lock-stale", layer="lock", way="fix", provoke=stale),
    Case(code="lock-edited", layer="lock", way="fix", provoke=edited),
    Case(code="lock-edited", layer="lock", way="fix", provoke=reframed),
    Case(code="lock-incomplete", layer="lock", way="fix", provoke=incomplete),
    Case(code="lock-local-url", layer="lock", way="advice", provoke=local),
    Case(code="lock-superfluous", layer="lock", way="fix", provoke=profiles),
    Case(code="profile-skew", layer="lock", way="fix", provoke=skewed),
    Case(
        code="cuda-conflict",
        layer="lock",
        way="advice",
        stage="torch",
        provoke=lambda world: asks(world, "zz-made-cuda-a", "zz-made-cuda-b"),
    ),
    Case(
        code="cuda-closure",
        layer="lock",
        way="advice",
        stage="torch",
        provoke=without_cudnn,
    ),
    Case(
        code="cuda-outside",
        layer="lock",
        way="advice",
        stage="torch",
        provoke=lambda world: asks(world, "cupy-cuda12x"),
    ),
    Case(
        code="gpu-tables-old",
        layer="lock",
        way="advice",
        stage="torch",
        provoke=lambda world: asks(world, "torch==2.99.0+cu132"),
    ),
    Case(code="gpu-contract-old", layer="lock", way="fix", stage="torch", provoke=assumed),
)
