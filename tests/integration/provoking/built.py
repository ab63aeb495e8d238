"""How a built image comes to be another one than its Dockerfile and its lock."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from envctl.adapters import image_files
from envctl.domain.finding.codes import Code
from tests.image_archive import File, Saved, Tree
from tests.integration import test_image_proof as proof
from tests.integration.provoking import Case, Near


def _other(change: Callable[[proof.Case], Saved], **doors: Any) -> Callable[[Near], None]:
    def provoke(world: Near) -> None:
        case = proof._case(world)
        contents = image_files.read(change(case).chunks(), "team/demo:1")
        own = {"contents": lambda _: contents, "layers": lambda _: case.honest.base, **doors}
        world.doors["proof"] = lambda opened: replace(opened, **own)

    return provoke


def _built(code: Code, change: Callable[[proof.Case], Saved], **doors: Any) -> Case:
    return Case(
        code=code,
        layer="image",
        way="advice",
        stage="built",
        provoke=_other(change, **doors),
        command=("image", "verify", "team/demo:1"),
    )


def _tree(tree: Tree) -> Callable[[proof.Case], Saved]:
    return lambda case: case.on_top(tree)


CASES = (
    _built("image-differs", proof._config(User="0")),
    _built("image-shadowed", proof._env("LD_PRELOAD", "/tmp/x.so")),
    _built("image-secret", _tree({"app/id_ed25519": File(proof.KEY)})),
    _built("image-setuid", _tree({"app/su": File(b"su", mode=0o4755)})),
    _built("image-leftover", _tree({"var/lib/apt/lists/x": File(b"x")})),
    _built(
        "image-unproved",
        lambda case: case.honest.copy(),
        layers=lambda _: None,
        described=lambda *_: None,
    ),
)
