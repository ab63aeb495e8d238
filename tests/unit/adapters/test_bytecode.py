"""What sources are compiled to, by the interpreter that runs this: the same as its own py_compile writes."""

import hashlib
import platform
import py_compile
import sys
from pathlib import Path

import pytest

from envctl.adapters.bytecode import compiled
from envctl.adapters.process import run
from envctl.domain.image.proof import Brought
from envctl.domain.resolution import Interpreter

HERE = Interpreter(path=sys.executable, version=platform.python_version())
SITE = f"lib/python{HERE.minor}/site-packages"
SOURCE = "def answer():\n    '''Say.'''\n    return {1, 2, 'ü'} | {each for each in 'abc'}\n"


def brought(root: Path, texts: dict[str, str], site: str = SITE) -> Brought:
    rows: dict[str, tuple[str, ...]] = {}
    for name, text in texts.items():
        path = root / site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        rows[f"{site}/{name}"] = (hashlib.sha256(text.encode()).hexdigest(),)
    return Brought(name="x", version="1", folder="x-1.dist-info", rows=rows)


def by_python_itself(root: Path, path: str, site: str = SITE) -> str:
    made = py_compile.compile(
        str(root / site / path),
        cfile=str(root / "made.pyc"),
        dfile=f"/opt/venv/{SITE}/{path}",
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
    )
    return hashlib.sha256(Path(made or "").read_bytes()).hexdigest()


@pytest.mark.parametrize("count", [1, 600])  # in one process, and in several
def test_what_python_compiles_of_them(tmp_path: Path, count: int) -> None:
    each = brought(tmp_path, {f"x/m{number}.py": SOURCE for number in range(count)})
    found = compiled(run, tmp_path, {"x": each}, HERE)["x"]
    assert found.compiler == HERE.version
    assert len(found.compiled) == count
    last = f"x/m{count - 1}.py"
    assert found.compiled[f"{SITE}/{last}"] == by_python_itself(tmp_path, last)


def test_an_environment_of_another_python(tmp_path: Path) -> None:
    """The paths are those that the image has: they are in the byte code."""
    each = brought(tmp_path, {"m.py": SOURCE}, site="lib/python3.99/site-packages")
    found = compiled(run, tmp_path, {"x": each}, HERE)["x"]
    digest = by_python_itself(tmp_path, "m.py", "lib/python3.99/site-packages")
    assert found.compiled == {f"{SITE}/m.py": digest}


def test_what_is_not_known(tmp_path: Path) -> None:
    """What cannot be compiled, is not the source of the wheel, is gone, or is no source; nothing of it is run."""
    texts = {
        "ok.py": f"open({str(tmp_path / 'ran')!r}, 'w')\n",
        "odd.py": "def (:\n",
        "two.py": "def f(:\n",
        "nul.py": "a\0b",
        "altered.py": "a = 1\n",
        "gone.py": "a = 2\n",
        "data.txt": "x",
    }
    each = brought(tmp_path, texts)
    (tmp_path / SITE / "altered.py").write_text("evil = 1\n")
    (tmp_path / SITE / "gone.py").unlink()
    found = compiled(run, tmp_path, {"x": each}, HERE)["x"]
    assert found.compiled.keys() == {f"{SITE}/ok.py"}
    assert not (tmp_path / "ran").exists()
    broken = Interpreter(path="/bin/false", version="3.11.0")
    assert compiled(run, tmp_path, {"x": each}, broken)["x"].compiled == {}
