"""Libraries that an image would lack, by what is synced here: said by `verify` and `dockerize`, before any build."""

from pathlib import Path

from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World
from tests.shared_object import shared_object

UV = "uv==0.9.0 --hash=sha256:" + "0" * 64 + "\n"
BASE = f'base = "docker.io/library/python:{MINOR}-slim-bookworm@sha256:{"d" * 64}"'
ASKS = f"lib/python{MINOR}/site-packages/zz_made_app/native.so of `zz-made-app` needs libGL.so.1"
LAYERS = ("--only", "environment,image")


def test_a_library_is_named_with_its_package_and_the_file_that_asks(
    world: World, tmp_path: Path
) -> None:
    native = shared_object(
        tmp_path,
        "native.so",
        needs=("libGL.so.1", "libgomp.so.1", "libzz-own.so.1", "libcuda.so.1"),
    )
    own = shared_object(tmp_path, "own.so", soname="libzz-own.so.1")
    dev = shared_object(tmp_path, "dev.so", needs=("libgomp.so.1",))
    world.index.add(
        Wheel(
            "zz-made-app",
            "1.5",
            files={"zz_made_app/native.so": native, "zz_made_app.libs/own.so": own},
        ),
        # Of the default groups, and so not in the image.
        Wheel("zz-made-test", "4.0", files={"zz_made_test/dev.so": dev}),
    )
    table = f'[tool.envctl.image]\n{BASE}\nsource = ["src"]\n'
    world.edit("pyproject.toml", "[tool.envctl.env]", f"{table}[tool.envctl.env]")
    world.write("src/app.py", "")
    world.write(".envctl/image/uv.txt", UV)
    world.envctl("lock")
    world.envctl("sync")
    assert world.codes(*LAYERS, code=0) == []  # there is no image of this project yet
    talk = world.envctl("dockerize")
    assert ASKS in talk.stdout + talk.stderr
    # One line to add for all of them, said once.
    assert talk.stderr.count("to system-packages in") == 1
    finding, other = world.findings(*LAYERS)
    assert (other["subject"], other["expected"]) == ("libgomp.so.1", "libgomp1")
    assert other["advice"] == finding["advice"]
    assert (finding["code"], finding["layer"]) == ("library-missing", "image")
    assert (finding["subject"], finding["severity"]) == ("libGL.so.1", "warning")
    assert ASKS in finding["message"]
    assert 'add "libgl1", "libgomp1" to system-packages' in finding["advice"]
    world.envctl("verify", *LAYERS, code=0)
    world.envctl("verify", *LAYERS, "--strict", code=1)
    world.edit("pyproject.toml", BASE, f'{BASE}\nsystem-packages = ["libgl1", "libgomp1"]')
    world.envctl("dockerize")
    assert world.codes(*LAYERS, code=0) == []
