"""Dotenv files: variables of one person, most of them secrets.

python-dotenv's parser decides what a line means. It goes on past lines that it cannot read, with a warning at most;
here each is an error, because a command that lacks half of its secrets fails later and further away. No message
holds any text of the file but the names that nobody may set: a key that was pasted over several lines reads as names.
"""

from io import StringIO

from envctl.domain.environment.activation import refuse_name
from envctl.errors import ManifestError


def read_env_file(text: str, path: str) -> dict[str, str]:
    """Return the variables of a dotenv file; ``path`` is named in errors.

    ``$NAME`` in a value stays as it is: nothing is expanded. Raises ``ManifestError`` with the number of the line.
    """
    # lazy: for those who have such a file
    from dotenv.parser import parse_stream  # noqa: PLC0415

    found: dict[str, str] = {}
    for each in parse_stream(StringIO(text)):
        line = each.original.string
        where = f"{path}:{each.original.line + _line_ends(line[: len(line) - len(line.lstrip())])}"
        if each.error:
            raise _refused("that is no line of a dotenv file", where)
        if each.key is None:  # empty, or a comment
            continue
        if not (each.key.isascii() and each.key.isidentifier()):
            raise _refused("that line does not begin with a name for a variable", where)
        if each.value is None:
            raise _refused("a name without a value", where)
        if "\0" in each.value:
            raise _refused("a variable's value cannot hold a NUL byte", where)
        refuse_name(each.key, where)
        found[each.key] = each.value
    return found


def _line_ends(blank: str) -> int:
    return blank.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def _refused(message: str, where: str) -> ManifestError:
    return ManifestError(
        message,
        where=where,
        hint='write each as NAME=VALUE; a value of several lines or with a `#` goes in quotes: NAME="…"',
    )
