"""A small reader of Dockerfiles, written from Docker's reference and not from the emitter that it judges.

Only what decides whether text stays where it was put: comments, continued lines, quoting of ENV and LABEL, the JSON
form of commands. https://docs.docker.com/reference/dockerfile/ ("Format", "Escape", "ENV", "LABEL").
"""

import json
import re


def instructions(text: str) -> list[tuple[str, str]]:
    """Return (INSTRUCTION, rest) with continued lines joined and comments gone."""
    found: list[tuple[str, str]] = []
    pending = ""
    for line in re.split(r"\r?\n", text):
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        whole = pending + line
        pending = ""
        word, _, rest = whole.strip().partition(" ")
        found.append((word.upper(), rest.strip()))
    assert not pending, "the file ends in the middle of an instruction"
    return found


def pairs(rest: str) -> dict[str, str]:
    """Return the pairs of an ENV or LABEL; a variable that would be expanded stays as ``<NAME>``."""
    found: dict[str, str] = {}
    position = 0
    while position < len(rest):
        if rest[position] == " ":
            position += 1
            continue
        end = rest.index("=", position)
        name, position = rest[position:end], end + 1
        value = ""
        quoted = False
        while position < len(rest) and (quoted or rest[position] != " "):
            character = rest[position]
            following = rest[position + 1] if position + 1 < len(rest) else ""
            if character == '"':
                quoted = not quoted
            elif character == "\\" and (following in '"$\\' if quoted else following):
                value += following
                position += 1
            elif character == "$":
                match = re.match(r"\$\{?([A-Za-z_]\w*)\}?", rest[position:])
                assert match, f"a lonely dollar sign: {rest!r}"
                value += f"<{match[1]}>"
                position += len(match[0]) - 1
            else:
                assert quoted or character != "'", "single quotes are never emitted outside others"
                value += character
            position += 1
        assert not quoted, f"an open quote: {rest!r}"
        found[name] = value
    return found


def words(rest: str) -> list[str]:
    """Return the words of a command or COPY in JSON form."""
    listed = json.loads(rest[rest.index("[") :])
    assert isinstance(listed, list)
    return listed
