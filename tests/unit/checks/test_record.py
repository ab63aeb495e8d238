"""What `verify` says of this machine's own record."""

from dataclasses import replace

import pytest

from envctl.checks.record import check
from tests import machines

NOW = machines.load("hpc-a100")


def test_what_changed_and_the_command_that_saves_it_again() -> None:
    saved = replace(NOW, name="hpc-a100", driver="535.54.03")
    (found,) = check(saved, NOW)
    assert (found.fix, found.advice) == ("envctl record --save hpc-a100", None)
    assert found.file == ".envctl/machines/hpc-a100.toml"


@pytest.mark.parametrize("name", ["my box", "x; rm -rf ~", "--help", "Lab", "$(id)", "a'b", ""])
def test_a_file_of_any_other_name_gives_no_command_to_paste(name: str) -> None:
    (found,) = check(replace(NOW, name=name, driver="535.54.03"), NOW)
    assert found.fix is None
    assert "`envctl record --save NAME`" in (found.advice or "")
