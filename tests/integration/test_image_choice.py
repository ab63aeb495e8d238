"""`dockerize --group/--extra`: chosen once, remembered by the Dockerfile, followed by `verify`."""

import tomllib

from tests.index.wheels import Wheel
from tests.integration.world import World

UV = "uv==0.9.0 --hash=sha256:" + "0" * 64 + "\n"


def packages(world: World) -> set[str]:
    found: set[str] = set()
    for part in ("heavy", "light"):
        table = tomllib.loads(world.read(f".envctl/image/pylock.{part}.toml"))
        found |= {package["name"] for package in table["packages"]}
    return found


def test_a_choice_is_remembered_and_followed(world: World) -> None:
    world.envctl("lock")
    world.write(".envctl/image/uv.txt", UV)
    world.envctl("dockerize")
    assert packages(world) == {"zz-made-app", "zz-made-lib"}
    plain = world.read("Dockerfile")
    world.envctl("dockerize", "--extra", "plot", "--group", "dev")
    chosen = {"zz-made-app", "zz-made-lib", "zz-made-plot", "zz-made-test"}
    assert packages(world) == chosen
    assert world.codes("--only", "image", code=0) == []
    before = world.read("Dockerfile")
    world.envctl("dockerize")
    assert world.read("Dockerfile") == before
    # A package behind the chosen extra makes this image stale, and the next one has it.
    world.index.add(Wheel("zz-made-more", "1.0"))
    world.edit("pyproject.toml", '["zz-made-plot"]', '["zz-made-plot", "zz-made-more"]')
    world.envctl("lock")
    assert world.codes("--only", "image") == ["dockerfile-stale"]
    world.envctl("dockerize")
    assert packages(world) == {*chosen, "zz-made-more"}
    world.envctl("dockerize", "--no-default-groups")
    assert packages(world) == {"zz-made-app", "zz-made-lib"}
    assert world.read("Dockerfile") != plain  # it says that this was chosen


def test_the_manifests_own_are_the_default(world: World) -> None:
    world.edit(
        "pyproject.toml",
        "[tool.envctl.env]",
        '[tool.envctl.image]\ngroups = ["dev"]\n\n[tool.envctl.env]',
    )
    world.envctl("lock")
    world.write(".envctl/image/uv.txt", UV)
    world.envctl("dockerize", "--extra", "plot")
    assert packages(world) >= {"zz-made-test", "zz-made-plot"}
    world.envctl("dockerize", "--extra", "plot", "--no-default-groups")
    assert "zz-made-test" not in packages(world)


def test_an_unknown_name_is_refused(world: World) -> None:
    world.envctl("lock")
    done = world.envctl("dockerize", "--group", "dve", code=2)
    assert "did you mean `dev`?" in done.stderr
    assert not (world.root / "Dockerfile").exists()
