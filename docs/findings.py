"""Write the reference page of findings from the catalogue in the code: ``python -m docs.findings``."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from envctl.domain.finding import LAYERS, Layer
from envctl.domain.finding.catalogue import CATALOGUE, built
from envctl.domain.finding.entry import Entry

PAGE = Path(__file__).parent / "reference" / "findings.md"
_WIDTH = 100
_NO_BREAK = "\N{NO-BREAK SPACE}"

_TOP = """\
% Written by `python -m docs.findings` from envctl/domain/finding/catalogue: edit the entries there.

# Findings

What `envctl verify` can report, by layer: what each code means, how it comes about, how to mend it.
A finding has a severity: an `error` makes the exit code 1, a `warning` does so with `--strict`, a
`note` never does. It carries either a command that mends it (**Fix**), which
[`verify --fix`](../how-to/verify.md#mend-what-commands-can-mend) runs, or what a person must decide
(**Advice**). A project may give a code
[another severity](../how-to/verify.md#let-a-code-count-more-or-less).
"""

_INTRODUCTIONS: dict[Layer, str] = {
    "lock": "Does the lock answer the manifest, and did envctl write it?",
    "environment": "Is `.venv` exactly its slice of the lock, down to the files?",
    "variables": "Do the variables that matter have the declared values in this shell? All of these are "
    "**Advice**: the shell is yours.",
    "machine": "Can this machine run what the lock holds? Where the machine does not meet the lock's contract, the "
    "advice names a driver, a build of torch, or both, that [run](../explanation/gpu-contract.md) by the same rules, "
    "or says that there is none; where another profile of the project is locked already and runs here, the finding "
    "has a fix.",
    "fleet": "Can every [recorded machine](../how-to/fleet.md) run a profile? The findings of the layer `machine` "
    "come here as well, one for each machine and reason: an error where no profile runs, a note where one runs with "
    "limits. Where extras bring different builds, such as `cu126` and `cu130`, one that runs is enough, and each "
    "other that does not is a note. **Fix:** `envctl lock --fleet`, where an older torch runs on that machine and "
    "the manifest leaves room for it; else **Advice**. Where another locked package needs torch as well, only its "
    "index knows whether an older one goes with it: then the command is advice, too.\n\n"
    "The layer also asks: does a declared [`CUDA_VISIBLE_DEVICES`](../how-to/gpus.md) mean on every recorded "
    "machine what it says?",
    "image": "Is the Dockerfile made from this lock's slice, and is it still as envctl wrote it? A project without "
    "one has no findings here, except with `envctl dockerize --check`: the layer is `skipped`, and the report says so. "
    "What only a registry knows is said by "
    "`envctl dockerize` and `envctl dockerize --check` alone: `verify` needs no network.",
}
_BUILT = "A built image is looked at by [`envctl image verify`](../how-to/verify-images.md) alone:"


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_TOP, *(_section(layer) for layer in LAYERS)])


def _section(layer: Layer) -> str:
    parts = [f"## {layer}\n", *map(_paragraph, _INTRODUCTIONS[layer].split("\n\n"))]
    of_built = {entry.code for entry in built.ENTRIES}
    own = [entry for entry in CATALOGUE.values() if entry.layers[0] == layer]
    parts += [_term(entry) for entry in own if entry.code not in of_built]
    if layer == "image":
        parts += [_paragraph(_BUILT), *map(_term, built.ENTRIES)]
    return "\n".join(parts)


def _paragraph(text: str, first: str = "") -> str:
    rest = " " * len(first)
    code = re.sub(r"`[^`]+`", lambda found: found[0].replace(" ", _NO_BREAK), text)
    lines = textwrap.wrap(
        *(code, _WIDTH),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace(_NO_BREAK, " ") + "\n"


def _term(entry: Entry) -> str:
    return f"`{entry.code}`\n{_paragraph(' '.join(_sentences(entry)), ': ')}"


def _sentences(entry: Entry) -> Iterator[str]:
    yield f"*{entry.severity}*; {entry.rarely}." if entry.rarely else f"*{entry.severity}*."
    yield entry.meaning
    if also := entry.layers[1:]:
        yield f"Also in the layer `{also[0]}`."
    yield f"**Cause:** {entry.cause}"
    if entry.fix:
        yield f"**Fix:** {' or '.join(f'`{each}`' for each in entry.fix)}."
    if entry.yours:
        yield f"`verify --fix` leaves it to you: {entry.yours.replace('[tool.envctl]', '`[tool.envctl]`')}."
    if entry.advice:
        yield f"**Advice:** {entry.advice}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
