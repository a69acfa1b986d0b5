"""Names of places, held against each other as people mean them and not as they type them."""

import functools
import re
import unicodedata

#: What Chinese divisions are called in full; people leave it out as often as not.
_KINDS = re.compile(r"(?<=.)(?:特别行政区|(?:壮族|回族|维吾尔)?自治区|省|市)$")


@functools.lru_cache(maxsize=1 << 16)
def plain_name(name: str) -> str:
    """A name without accents, capitals and blanks around it, and of a Chinese division without what it is."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold())
    return _KINDS.sub("", "".join(letter for letter in letters if not unicodedata.combining(letter)))
