"""Which way of decoding a model gets: what was asked for, or the simplest that is as good as any on validation data."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nerbb_ray.ner.decoding import Decoder, argmax, bigrams, constrained
from nerbb_ray.ner.metrics import sentence_counts
from nerbb_ray.ner.resampling import drawn_scores, micro_f1
from nerbb_ray.ner.spans import Ints
from nerbb_ray.ner.tags import Scheme

Wanted = Literal["auto", "argmax", "constrained", "bigrams"]
WEIGHTS = (0.1, 0.25, 0.5, 0.75, 1.0)
WITHOUT_VAL = 0.25  # weight of bigrams, where there is nothing to choose it by
DRAWS = 200


@dataclass(frozen=True)
class DecoderChoice:
    """The decoders of a data set.

    Args:
        gold: ids of the tags of the training data, which the bigrams are counted in. *Shape:* (words,)
        starts: of its sentences. *Shape:* (sentences + 1,)
    """

    wanted: Wanted
    tags: tuple[str, ...]
    scheme: Scheme
    gold: NDArray[np.integer]
    starts: Ints

    @cached_property
    def candidates(self) -> tuple[Decoder, ...]:
        """From the simplest to the others; plain tags have nothing to be constrained."""
        simple = [argmax(len(self.tags))]
        if self.scheme != "plain":
            simple.append(constrained(self.tags, self.scheme))
        if self.wanted in ("argmax", "constrained"):
            return (simple[0] if self.wanted == "argmax" else simple[-1],)
        weighted = [bigrams(self.tags, self.scheme, self.gold, self.starts, weight) for weight in WEIGHTS]
        return (*simple, *weighted) if self.wanted == "auto" else tuple(weighted)

    def choose(self, log_probs: NDArray[np.floating], gold: NDArray[np.integer], starts: Ints) -> tuple[Decoder, Ints]:
        """The decoder for a model with these predictions of validation data.

        `auto` takes the simplest decoder whose F1 is within one standard error of the best one's: the standard error of
        their difference, over sentences that are drawn with replacement. Of several weights of bigrams the best counts.

        Args:
            log_probs, starts: as in `Decoder.decode`.
            gold: *Shape:* (words,)
        Returns:
            The decoder, and the tags that it finds. *Shape:* (words,)
        """
        found = [decoder.decode(log_probs, starts) for decoder in self.candidates]
        if len(found) == 1:
            return self.candidates[0], found[0]
        counts = [sentence_counts(gold, tags, starts, self.tags, self.scheme) for tags in found]
        scores = [float(micro_f1(one.sum(axis=0))) for one in counts]
        if not np.isfinite(scores).any():  # not an entity in truth and predictions
            index = self._without_scores()
        else:
            best = int(np.nanargmax(scores))
            index = next(i for i in self._simpler(best, scores) if _as_good(counts[i], counts[best]))
        return self.candidates[index], found[index]

    def _simpler(self, best: int, scores: Sequence[float]) -> list[int]:
        """What is simpler than the best, and then the best itself; of bigrams, only the best weight is looked at."""
        kinds = [decoder.kind for decoder in self.candidates]
        return [i for i in range(best) if kinds[i] != "bigrams" and np.isfinite(scores[i])] + [best]

    def _without_scores(self) -> int:
        """What nothing speaks against: the last one before the bigrams, or a small weight of these."""
        if self.wanted == "auto":
            return sum(decoder.kind != "bigrams" for decoder in self.candidates) - 1
        return WEIGHTS.index(WITHOUT_VAL)


def _as_good(counts: Ints, best: Ints) -> bool:
    """Whether the F1 of a decoder is at most one standard error of the difference below that of the best."""
    behind = float(micro_f1(best.sum(axis=0)) - micro_f1(counts.sum(axis=0)))
    if behind <= 0:
        return True
    drawn = drawn_scores(np.stack([best, counts]), DRAWS, np.random.default_rng(0))
    return behind <= float(np.nanstd(drawn[:, 0] - drawn[:, 1]))
