"""The lines that keep envctl's own files out of git."""

import pytest

from envctl.domain.gitignore import UNSEEN, hides_records, with_unseen


def test_a_new_file_has_all_of_them_under_a_heading() -> None:
    text = with_unseen("")
    assert text.splitlines()[1:] == list(UNSEEN)
    assert text.startswith("# ")
    assert with_unseen(text) == text


def test_what_is_there_stays_and_only_what_is_missing_is_added() -> None:
    old = "*.pyc\n.venv\n.envctl/envs"
    new = with_unseen(old)
    assert new.startswith(f"{old}\n\n# ")
    assert new.count(".venv") == 1
    assert "/.envctl/envs/" not in new
    assert with_unseen(new) == new


def test_windows_line_ends_stay() -> None:
    new = with_unseen("*.pyc\r\n")
    assert "\n" not in new.replace("\r\n", "")


@pytest.mark.parametrize("line", [".venv", "/.venv", ".venv*", ".*", "**/.venv"])
def test_a_pattern_that_covers_the_link_is_enough(line: str) -> None:
    assert "\n.venv\n" not in with_unseen(f"{line}\n").removeprefix(line)


@pytest.mark.parametrize("line", [".venv/", "venv", "# .venv", ".venv\n!.venv", "x/.venv"])
def test_a_pattern_that_does_not_is_not(line: str) -> None:
    assert "\n.venv\n" in with_unseen(f"{line}\n").removeprefix(line)


@pytest.mark.parametrize("line", [".envctl", ".envctl/", "/.envctl/", "/.envctl/*", ".envctl/**"])
def test_a_hidden_folder_is_noticed(line: str) -> None:
    assert hides_records(f"{line}\n")
    assert [x for x in with_unseen(f"{line}\n").splitlines() if x.startswith("/.envctl/e")] == []


def test_the_lines_themselves_hide_no_record() -> None:
    assert not hides_records(with_unseen(""))
