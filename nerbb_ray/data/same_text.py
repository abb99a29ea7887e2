"""When two texts are the same one, however they are cut into words."""

import unicodedata

from nerbb_ray.data.sentences import Sentence


def text_key(text: str) -> str:
    """Composed characters without blanks: the same for raw text and for its words."""
    return "".join(unicodedata.normalize("NFC", text).split())


def sentence_key(sentence: Sentence) -> str:
    return text_key("".join(sentence.tokens) if sentence.text is None else sentence.text)
