"""The sentences of a data set that have an entity, as a data set of their own.

    python benchmarks/racing/dense.py ../shared/datasets/wnut17 store/datasets/wnut17_dense

Two of three sentences of wnut17 have none. A race is about how runs differ, not about what they reach: with the other
sentences, a run of the same length would end at F1 = 0.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    for split in ("train", "val", "test"):
        lines = (source / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if any(tag != "O" for tag in json.loads(line)["tags"])]
        (target / f"{split}.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
        print(f"{split}: {len(kept)} of {len(lines)} sentences")


if __name__ == "__main__":
    main()
