"""Small words of messages."""


def counted(number: int, word: str, words: str = "") -> str:
    """`1 text`, `2 texts`; `words` is the plural if it has no s at the end of the first word."""
    return f"{number} {word if number == 1 else words or f'{word}s'}"
