"""What pip warns of while it resolves, and a person should know."""

import re
from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from envctl.adapters import resolver_words
from envctl.readers.compiled import Compiled

_EXTRA = re.compile(r"WARNING: (\S+) (\S+) does not provide the extra '([^']+)'")


def missing_extras(text: str, pins: Sequence[Compiled]) -> Iterator[str]:
    """Yield a note for each extra that a pinned package has not; pip warns of versions that it left again as well."""
    versions = {pin.name: pin.version or "" for pin in pins}
    for name, version, extra in dict.fromkeys(_EXTRA.findall(text)):
        known: str = canonicalize_name(name)
        if known in versions and versions[known] in ("", version):
            yield resolver_words.no_extra(known, version, extra)
