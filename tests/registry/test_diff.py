"""`envctl diff` of images that only a registry has: by labels and variables, without a pull."""

from tests.integration.world import World
from tests.registry.images import MadeImage, Pusher

LABELS = {
    "io.envctl.accelerator": "cuda",
    "io.envctl.cuda": "12.6",
    "io.envctl.driver.min": "525.60.13",
    "io.envctl.python": "3.11",
    "io.envctl.slice.linux-x86_64": "sha256:a",
    "org.opencontainers.image.base.name": "docker.io/library/python:3.11-slim-bookworm",
}
NEWER = LABELS | {
    "io.envctl.cuda": "13.0",
    "io.envctl.driver.min": "580.65.06",
    "io.envctl.slice.linux-x86_64": "sha256:b",
}


def test_two_images_and_a_lock(push: Pusher, world: World) -> None:
    old = MadeImage(labels=LABELS, env=("PATH=/bin", "PYTHONHASHSEED=0", "MY_PW=hunter2"))
    new = MadeImage(labels=NEWER, env=("PATH=/bin", "PYTHONHASHSEED=1", "MY_PW=hunter3"))
    names = []
    for tag, image in (("1", old), ("2", new)):
        push.image(image, tag)
        names.append(f"{push.registry.name}/{push.repository}:{tag}")
    away = {"DOCKER_HOST": f"unix://{world.root}/no-engine"}
    done = world.envctl("diff", *names, code=1, env=away)
    said = [line.partition("  ")[0] for line in done.stdout.splitlines() if line[0].isdigit()]
    assert said == [
        "1. machine: CUDA of the packages",
        "2. machine: driver floor",
        "3. variables: PYTHONHASHSEED",
        "4. files: slice",
        "5. variables: MY_PW",
    ]
    assert (
        "needs driver 580.65.06 or newer, before 525.60.13: older drivers cannot run it"
        in done.stdout
    )
    assert "packages: they are not compared" in done.stderr
    assert "hunter" not in done.stdout + done.stderr
    assert world.envctl("diff", names[0], names[0], env=away).stdout.startswith("nothing")

    world.envctl("lock")
    done = world.envctl("diff", "pylock.toml", names[0], code=1, env=away)
    assert "accelerator" in done.stdout
    assert "sha256:a" in done.stdout
