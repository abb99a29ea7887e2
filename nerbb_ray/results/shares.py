"""Which metrics are shares: their means have intervals that cannot leave 0 to 1."""

import re

UNBOUNDED = ("loss", "support")  # how the names of our own metrics end that are no shares
WORDS = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*")
SHARES = {
    *("f1", "precision", "recall", "accuracy", "acc", "auc", "auroc", "auprc", "roc", "ap", "map"),
    *("iou", "dice", "jaccard", "sensitivity", "specificity", "share"),
}
NO_SHARES = {"loss", "support", "count", "error", "time", "var", "variance", "std", "sd", "min", "max"}


def is_share(metric: str, *, foreign: bool = False) -> bool:
    """Whether a metric, by its full name, lies between 0 and 1, such as F1.

    Args:
        foreign: of a trainable that knows nothing of nerbb_ray: only a name that says so is that of a share, by any of
            its words (`val_f1`, `valAcc`, `test/f1/macro`).
    """
    if not foreign:
        return not metric.endswith(UNBOUNDED)
    words = {word.lower() for word in WORDS.findall(metric)}
    return not words.isdisjoint(SHARES) and words.isdisjoint(NO_SHARES)
