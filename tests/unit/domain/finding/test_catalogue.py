"""The catalogue knows every code once, and its page is the one that is committed."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from typing import get_args

import pytest

from envctl.domain.finding import LAYERS
from envctl.domain.finding.catalogue import CATALOGUE
from envctl.domain.finding.codes import Code
from envctl.usecases.fixing import Fix

ROOT = Path(__file__).parents[4]
SENTENCE = re.compile(r"(?s)[A-Z`].*\.")


def test_every_code_has_one_entry_in_the_order_of_the_type() -> None:
    # That a check makes no other code up is mypy's to say: `Finding.code` is a `Code`.
    assert tuple(CATALOGUE) == get_args(Code)


@pytest.mark.parametrize("code", CATALOGUE)
def test_an_entry_says_what_it_means_how_it_comes_about_and_what_mends_it(code: Code) -> None:
    entry = CATALOGUE[code]
    assert entry.layers == tuple(layer for layer in LAYERS if layer in entry.layers) != ()
    assert entry.fix or entry.advice
    for text in (entry.meaning, entry.cause, entry.advice):
        assert text is None or SENTENCE.fullmatch(text), text
    for command in entry.fix:
        fix = Fix(command=command, codes=(code,))
        assert fix.words == tuple(shlex.split(command)[1:])
        assert fix.place is not None or entry.yours, "`verify --fix` knows it, or says why not"


def test_the_page_is_made_of_it() -> None:
    place = ROOT / "docs" / "findings.py"
    spec = importlib.util.spec_from_file_location("docs_findings", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    assert module.page() == module.PAGE.read_text(encoding="utf-8"), "run `python -m docs.findings`"
