"""The documentation as pages: it builds without a warning, and its reference of commands is the program's own."""

import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from envctl.cli import cli

DOCS = Path(__file__).parents[1] / "docs"
PARTS = ("tutorial", "how-to", "reference", "explanation")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the pages as `noxfile.py docs` does, elsewhere."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-W", "-n", "--keep-going", "-q", "-b", "html", "-d", str(folder / "doctrees")]
    argv = [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder / "html")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def options(command: click.Command, path: str) -> Iterator[str]:
    """Yield each option of a command and of those below it, as Sphinx names them: `envctl-image-build.--tag`."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield from (f"{path}.{name}" for name in (*parameter.opts, *parameter.secondary_opts))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from options(found, f"{path}-{name}")


def test_the_reference_has_every_command_and_option(site: Path) -> None:
    inventory = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(inventory).decode().splitlines()
    documented = {line.split(" ")[0] for line in lines if " std:cmdoption " in line}
    wanted = {each for each in options(cli, "envctl") if not each.endswith((".-h", ".--help"))}
    assert len(wanted) > 150
    assert wanted <= documented, sorted(wanted - documented)


def test_examples_can_be_copied(site: Path) -> None:
    """No dash or quote became a typographer's."""
    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    assert "Example: envctl verify --only lock,image" in text
    assert not re.search(r"[\u2013\u2014\u2018\u2019\u201c\u201d]", text)


def test_every_page_can_be_reached_from_the_index_in_its_part() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^:::\{toctree\}\n(.*?)^:::", text, re.MULTILINE | re.DOTALL)
    listed = [line for block in blocks for line in block.splitlines() if "/" in line]
    assert len(set(listed)) == len(listed)
    pages = {str(page.relative_to(DOCS))[:-3] for page in DOCS.glob("*/*.md")}
    assert set(listed) == pages
    for block in blocks:
        parts = {line.partition("/")[0] for line in block.splitlines() if "/" in line}
        assert len(parts) == 1
        assert parts <= set(PARTS)
