"""How a Dockerfile, what it starts from and what its build reads come to differ from the lock."""

from collections.abc import Callable
from importlib.metadata import version

from envctl.domain import blocks
from envctl.domain.finding.codes import Code
from envctl.domain.image.base import choose
from envctl.domain.image.described import Described
from envctl.domain.manifest import ImageSettings
from tests.index.wheels import Wheel
from tests.integration.provoking import Case, Images, Near, Way
from tests.integration.provoking.locks import profiles, stale
from tests.integration.world import MINOR
from tests.shared_object import shared_object

_Provoke = Callable[[Near], None]
CHECK = ("dockerize", "--check")
UV = Wheel("uv", version("uv"), tags=("py3-none-manylinux_2_17_x86_64",))
GLIBC = Wheel(
    "zz-made-glibc", "1.0", tags=(f"cp{MINOR.replace('.', '')}-none-manylinux_2_35_x86_64",)
)
NAME = choose(ImageSettings(registry="registry.example/team"), MINOR).reference
OLD, NEW = (f"sha256:{digit * 64}" for digit in "01")
BOTH = ("linux/amd64", "linux/arm64")
SETTINGS = '[tool.envctl.image]\nregistry = "registry.example/team"\n\n[tool.envctl.env]'


def described(digest: str, *platforms: str) -> Described:
    return Described(reference=NAME, digest=digest, platforms=platforms or BOTH)


PINNED = Images(there={NAME: described(OLD), f"{NAME}@{OLD}": described(OLD)})


def prepared(world: Near) -> None:
    """Write the Dockerfile of a synced project, pinned by a registry that answers."""
    world.edit("pyproject.toml", "[tool.envctl.env]", SETTINGS)
    world.doors["images"] = PINNED
    world.envctl("dockerize")


def hermetic(world: Near) -> None:
    """Write it for a build without a network, with the wheels beside it."""
    world.edit(
        "pyproject.toml", "[tool.envctl.image]\n", '[tool.envctl.image]\nbuild = "hermetic"\n'
    )
    world.envctl("dockerize")


def none(world: Near) -> None:
    (world.root / "Dockerfile").unlink()


def foreign(world: Near) -> None:
    world.write("Dockerfile", "FROM scratch\n")


def relocked(world: Near) -> None:
    stale(world)
    world.envctl("lock")


def for_another_system(world: Near) -> None:
    world.edit("pyproject.toml", '"linux-x86_64"', '"macos-arm64"')
    world.envctl("lock")


def edited(world: Near) -> None:
    world.edit("Dockerfile", "USER 10001:0", "USER 0")


def list_edited(world: Near) -> None:
    world.edit(".envctl/image/pylock.light.toml", "sha256 = ", "sha256  = ")


def marker_gone(world: Near) -> None:
    world.edit("Dockerfile", f"{blocks.END}\n", "")


def conflict(world: Near) -> None:
    """Let a merge leave both sides of what each branch's `envctl dockerize` wrote."""
    for name, line in (("Dockerfile", "# settings"), (".envctl/image/contract.json", "{")):
        both = f"<<<<<<< ours\n{line} x\n=======\n{line} y\n>>>>>>> theirs\n{line}"
        world.edit(name, line, both)


def conflict_of_a_person(world: Near) -> None:
    world.write("Dockerfile", world.read("Dockerfile") + "<<<<<<< ours\nLABEL a=1\n=======\n")


def beside(world: Near) -> None:
    """Give one of two profiles a Dockerfile."""
    profiles(world)
    world.envctl("lock")
    none(world)
    world.envctl("dockerize", "--profile", "one")


def renamed(world: Near) -> None:
    """Rename the profile that has a Dockerfile."""
    profiles(world)
    world.envctl("lock")
    world.envctl("dockerize", "--profile", "one")
    none(world)
    world.edit("pyproject.toml", "[tool.envctl.profiles.one]", "[tool.envctl.profiles.three]")
    world.envctl("lock")


def wheel_gone(world: Near) -> None:
    hermetic(world)
    next((world.root / ".envctl/image/wheels").rglob("zz_made*.whl")).unlink()


def wheel_altered(world: Near) -> None:
    hermetic(world)
    next((world.root / ".envctl/image/wheels").rglob("zz_made*.whl")).write_bytes(b"other")


def unpinned(world: Near) -> None:
    """Write the Dockerfile while no registry answers; then it does."""
    none(world)
    world.doors["images"] = Images(there=None)
    world.envctl("dockerize")
    world.doors["images"] = PINNED


def registry(there: Images) -> _Provoke:
    return lambda world: world.doors.update(images=there)


def base(reference: str, *, lock: bool = False) -> _Provoke:
    """Name a base image; with ``lock``, for a package that needs a glibc of 2022."""

    def provoke(world: Near) -> None:
        if lock:
            world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-glibc"')
            world.edit("pyproject.toml", '"linux-x86_64"', '"linux-x86_64-glibc2.35"')
            world.envctl("lock")
        world.edit("pyproject.toml", 'registry = "registry.example/team"', f'base = "{reference}"')

    return provoke


def of_the_manifest(world: Near) -> None:
    base(f"{NAME}@{OLD}")(world)
    world.envctl("dockerize")
    moved = {NAME: described(NEW), f"{NAME}@{OLD}": described(OLD)}
    world.doors["images"] = Images(there=moved)


def for_amd_alone(world: Near) -> None:
    world.edit("pyproject.toml", '"linux-x86_64"', '"linux-x86_64", "linux-aarch64"')
    world.envctl("lock")
    amd = described(OLD, "linux/amd64")
    world.doors["images"] = Images(there={NAME: amd, f"{NAME}@{OLD}": amd})
    world.envctl("dockerize")


def asking_for_gl(world: Near) -> None:
    """Install a package with a file that needs a library of the system's."""
    native = shared_object(world.root / "made", "native.so", needs=("libGL.so.1",))
    world.index.add(Wheel("zz-made-native", "1.0", files={"zz_made_native/native.so": native}))
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-native"')
    world.envctl("lock")
    world.envctl("sync")
    world.envctl("dockerize")


def _image(code: Code, way: Way, provoke: _Provoke, *command: str) -> Case:
    return Case(code=code, layer="image", way=way, stage="image", provoke=provoke, command=command)


CASES = (
    _image("dockerfile-missing", "fix", none, *CHECK),
    _image("dockerfile-foreign", "fix", foreign, *CHECK),
    _image("dockerfile-stale", "fix", relocked),
    _image("dockerfile-stale", "advice", for_another_system),
    _image("dockerfile-edited", "fix", edited),
    _image("dockerfile-edited", "fix", list_edited),
    _image("dockerfile-edited", "advice", marker_gone),
    _image("dockerfile-conflict", "fix", conflict),
    _image("dockerfile-conflict", "advice", conflict_of_a_person),
    _image("dockerfile-missing", "fix", beside),
    _image("dockerfile-superfluous", "advice", renamed),
    _image("bundle-missing", "fix", wheel_gone),
    _image("bundle-altered", "fix", wheel_altered, *CHECK),
    _image("base-unpinned", "fix", unpinned),
    _image("base-end-of-life", "advice", base(f"r.example/python:{MINOR}-bullseye")),
    _image("base-without-python", "advice", base("debian:bookworm-slim")),
    _image("base-other-python", "advice", base("r.example/python:3.8-slim-bookworm")),
    _image("base-without-glibc", "advice", base(f"python:{MINOR}-alpine3.20")),
    _image("base-libc-too-old", "advice", base(f"r.example/python:{MINOR}-bullseye", lock=True)),
    _image("library-missing", "advice", asking_for_gl, "verify", "--only", "environment,image"),
    _image("base-gone", "fix", registry(Images(there={NAME: described(NEW)})), *CHECK),
    _image("base-gone", "advice", registry(Images(there={})), *CHECK),
    _image(
        "base-moved",
        "fix",
        registry(
            Images(
                there={
                    NAME: described(NEW),
                    f"{NAME}@{OLD}": described(OLD),
                    f"{NAME}@{NEW}": described(NEW),
                }
            )
        ),
        *CHECK,
    ),
    _image("base-moved", "advice", of_the_manifest, *CHECK),
    _image("base-architecture", "advice", for_amd_alone, *CHECK),
    _image("base-unchecked", "advice", registry(Images(there=None)), *CHECK),
)
