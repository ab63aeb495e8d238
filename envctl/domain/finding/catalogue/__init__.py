"""The catalogue: what each code means, how it comes about and how it is mended; the reference page is made of it."""

from collections.abc import Mapping

from envctl.domain.finding.catalogue import (
    built,
    environment,
    fleet,
    image,
    lock,
    machine,
    variables,
)
from envctl.domain.finding.codes import Code
from envctl.domain.finding.entry import Entry

CATALOGUE: Mapping[Code, Entry] = {
    entry.code: entry
    for shelf in (lock, environment, variables, machine, fleet, image, built)
    for entry in shelf.ENTRIES
}
"""Every code with its entry, in the order of the layers."""
