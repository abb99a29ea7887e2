"""Data sets that go by a short name, and where they come from. One more is one line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nerbb_ray.spelling import nearest

PARQUET = "refs/convert/parquet"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of the web.

    Args:
        name: what it is called here; its suffix says how it is read.
        sha256: of its content, if somebody has checked it.
    """

    url: str
    name: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a data set is kept: on the hub, as files of the web, or (with neither) only where people can fetch it.

    Args:
        page: where people can read about it and fetch it.
        hub: its id on the Hugging Face hub.
        subset: the one that is meant if the user names none.
        revision: the branch of the hub repository; PARQUET for those whose main branch needs a loading script.
        files: by split.
    """

    page: str
    hub: str | None = None
    subset: str | None = None
    revision: str | None = None
    files: Mapping[str, Remote] = field(default_factory=dict)


def _github(repository: str, commit: str, **paths: tuple[str, str | None]) -> Source:
    """Columns in a repository, as they were at a commit: path and sha256 of each split."""
    raw = f"https://raw.githubusercontent.com/{repository}/{commit}"
    files = {split: Remote(f"{raw}/{path}", f"{split}.conll", sha256) for split, (path, sha256) in paths.items()}
    return Source(f"https://github.com/{repository}", files=files)


def _crossner(domain: str, **checked: str) -> Source:
    names = {"train": "train", "val": "dev", "test": "test"}
    paths = {split: (f"ner_data/{domain}/{name}.txt", checked.get(split)) for split, name in names.items()}
    return _github("zliucr/CrossNER", "2e7ba2a7798c961e3f29fbc51252c5a8d40224bf", **paths)


_SUCX = Source("https://github.com/kb-labb/sucx3_ner", "KBLab/sucx3_ner", "original_cased", PARQUET)

BUILTIN: dict[str, Source] = {
    "conll2003": Source("https://www.clips.uantwerpen.be/conll2003/ner/", "eriktks/conll2003", revision=PARQUET),
    "crossner_ai": _crossner("ai"),
    "crossner_literature": _crossner("literature"),
    "crossner_music": _crossner("music"),
    "crossner_politics": _crossner(
        "politics",
        train="1d8be31abb58463349496fe21b13d70114cf015294a9ff9cce77af9b83e8aa84",
        val="4f1f30eb832f4c5fe474f67ca45e875d863bddf0bbe432262d272ef13639fa8f",
        test="05cadc5e129d394f7f92b4a052cf4b6ea4c60878d32a833e500cf046c297455f",
    ),
    "crossner_science": _crossner("science"),
    "sic": Source("https://www.ling.su.se/english/nlp/corpora-and-resources/sic"),
    "suc": Source("https://spraakbanken.gu.se/en/resources/suc3"),
    "sucx": _SUCX,
    "sucx3_ner": _SUCX,
    "swe_nerc": Source("https://spraakbanken.gu.se/en/resources/swe-nerc", "vesteinn/swe-nerc", revision=PARQUET),
    "swedish_ner_corpus": _github(
        "klintan/swedish-ner-corpus",
        "87950716635b2bc6971717e6c0656c902a3831e2",
        train=("train_corpus.txt", "b0ba93840c13b882a336f5ae3b4af4cc5238203cd504acd5f44d8a7f643abf9f"),
        test=("test_corpus.txt", "b13c8626cf6478df4b3e9a2e7fa5276fd45f757bc5af9f6bc4abc7d789af2fdd"),
    ),
    "wnut_17": _github(
        "leondz/emerging_entities_17",
        "e52a2d2a71ac1a051ca2d532eef28653c5c02603",
        train=("wnut17train.conll", "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5"),
        val=("emerging.dev.conll", "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8"),
        test=("emerging.test.annotated", "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0"),
    ),
}


SIMILAR = 0.7


def stored_names(datasets: Path) -> list[str]:
    """Of the folders of a store; `organisation/name` for those in a folder of nothing but folders."""
    return sorted(_names(datasets)) if datasets.is_dir() else []


def did_you_mean(name: str, datasets: Path) -> str:
    """`; did you mean 'quickstart'?`, or nothing if no name of the store and no built-in one is similar."""
    known = [known for known in (*BUILTIN, *stored_names(datasets)) if known != name]
    beginning = sorted(other for other in known if other.lower().startswith(f"{name.lower()}/"))
    meant = next(iter(beginning), None) or nearest(name, known, cutoff=SIMILAR)
    return f"; did you mean {meant!r}?" if meant else ""


def _names(datasets: Path) -> Iterator[str]:
    for folder in _folders(datasets):
        inside = _folders(folder)
        if inside and all(path.is_dir() for path in folder.iterdir()):
            yield from (f"{folder.name}/{path.name}" for path in inside)
        else:
            yield folder.name


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")]
