"""Tokenizers that know a word inside a sentence by the blank before it, and are given words without one.

Whether a tokenizer is one of them is not asked by its name or class, but tried: words must get the sub-tokens that they
have in running text. (transformers has `add_prefix_space` for this, which many classes ignore, and others apply to
every piece of a word.)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tokenizers import normalizers, pre_tokenizers

from nerbb_ray.errors import ModelError

Words = tuple[str, ...]
PLAIN: tuple[Words, ...] = (("Hello", "Anna"), ("hello", "anna"), ("we", "live", "in", "Paris"))
OTHERS: tuple[Words, ...] = (("Anna-Lena", "'s"), ("U.S.", "12,5", "(x)", "."), ("don't", "M\u00fcnchen", "?"))


def with_word_starts(tokenizer: Any, reload: Callable[[], Any]) -> Any | None:
    """A tokenizer that gives words the sub-tokens of running text.

    Args:
        tokenizer: is changed in place where need be.
        reload: gives it with `add_prefix_space`.
    Returns:
        None if it cannot be had.
    """
    with _uncut(tokenizer):
        expected = {words: _in_text(tokenizer, words) for words in (*PLAIN, *OTHERS)}
        # words with signs in them may differ for other reasons; where they need not, they say which way is right
        for probes in ((*PLAIN, *OTHERS), PLAIN):
            for candidate in _candidates(tokenizer, reload):
                with _uncut(candidate):
                    if all(_as_words(candidate, words) == expected[words] for words in probes):
                        return candidate
    return None


def _candidates(tokenizer: Any, reload: Callable[[], Any]) -> Iterator[Any]:
    """As it is, with the option of its class, and with a blank that is put before every word."""
    yield tokenizer
    with suppress(ModelError):
        yield reload()
    backend = tokenizer.backend_tokenizer
    for change in (_switch_on, _put_first):
        before = backend.normalizer, backend.pre_tokenizer
        change(backend)
        yield tokenizer
        backend.normalizer, backend.pre_tokenizer = before


def _switch_on(backend: Any) -> None:
    """What puts a blank before a text does so before every word, if it is the first to see the words."""
    found = backend.pre_tokenizer
    if isinstance(found, pre_tokenizers.ByteLevel):
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(
            add_prefix_space=True, trim_offsets=found.trim_offsets, use_regex=found.use_regex
        )
    elif isinstance(found, pre_tokenizers.Metaspace):
        backend.pre_tokenizer = pre_tokenizers.Metaspace(
            replacement=found.replacement, prepend_scheme="always", split=found.split
        )


def _put_first(backend: Any) -> None:
    others = [] if backend.normalizer is None else [backend.normalizer]
    backend.normalizer = normalizers.Sequence([normalizers.Prepend(" "), *others])


def _in_text(tokenizer: Any, words: Words) -> list[int]:
    """The sub-tokens that words have behind another one."""
    found = tokenizer.backend_tokenizer.encode(f"a {' '.join(words)}", add_special_tokens=False)
    return [token for token, (_, end) in zip(found.ids, found.offsets, strict=True) if end > 1]


def _as_words(tokenizer: Any, words: Words) -> list[int]:
    found = tokenizer.backend_tokenizer.encode(list(words), is_pretokenized=True, add_special_tokens=False)
    return list(found.ids)


@contextmanager
def _uncut(tokenizer: Any) -> Iterator[None]:
    """Neither cut nor padded, whatever its files say."""
    backend = tokenizer.backend_tokenizer
    cut, pad = backend.truncation, backend.padding
    backend.no_truncation()
    backend.no_padding()
    try:
        yield
    finally:
        if cut is not None:
            backend.enable_truncation(**cut)
        if pad is not None:
            backend.enable_padding(**pad)
