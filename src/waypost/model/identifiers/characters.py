"""Numbers as people and scanners write them, made ready to be read.

Every identifier of this room is written in ASCII. Other digits (full-width, Arabic-Indic, superscript) look alike but
are no digits of any of these standards, so they are refused rather than converted.
"""

from waypost.model.errors import BadInput, TooLarge

#: The longest number of any known format has 41 characters; with a space after each it stays far below this.
LONGEST_NUMBER = 128


def describe(character: str) -> str:
    """A character so that it can be recognised in a message, even when it cannot be seen."""
    code = f"U+{ord(character):04X}"
    return f"'{character}' ({code})" if character.isprintable() and not character.isspace() else code


def compact(text: str) -> str:
    """The number without white space, in capitals.

    Raises:
        TooLarge: the text is longer than any number.
        BadInput: it is empty or holds a character that is not ASCII, or a control character; with the position.
    """
    if len(text) > LONGEST_NUMBER:
        raise TooLarge(f"{len(text)} characters: no number is longer than {LONGEST_NUMBER}")
    for position, character in enumerate(text, 1):
        if not character.isascii() or not (character.isprintable() or character.isspace()):
            raise BadInput(f"{describe(character)} is not an ASCII letter or digit", where=f"character {position}")
    number = "".join(text.split()).upper()
    if not number:
        raise BadInput("there is no number.", mend="Give at least one character.")
    return number
