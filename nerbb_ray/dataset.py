"""Data sets from Python: bring any NER data into the store, then use them by name.

Dataset("conll2003").set_up()                                   built in, or of the Hugging Face hub
Dataset("wikiann", subset="sv").set_up(revision="...")
Dataset.from_file("mine", "export.json").split(val_fraction=0.2)    a file, a folder, or an address https://...
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nerbb_ray.arguments import optional_text, path_of, text_of, whole_number
from nerbb_ray.data.append import Conflicts
from nerbb_ray.data.corpus import Corpus, find_folder
from nerbb_ray.data.known_names import did_you_mean
from nerbb_ray.data.options import AUTO, Overlaps, ReadingOptions
from nerbb_ray.data.save_corpus import is_stored
from nerbb_ray.data.set_up import Wanted, append_to, bring_in
from nerbb_ray.data.split import DEFAULT, HoldOut
from nerbb_ray.doctor.open import MAX_SEQ_LENGTH, check_up
from nerbb_ray.doctor.text import findings_text
from nerbb_ray.errors import DataError, StoreError
from nerbb_ray.paths import StorePaths
from nerbb_ray.store import current_store

if TYPE_CHECKING:
    from nerbb_ray.doctor.findings import Findings

Name = str | os.PathLike[str]


class Dataset:
    """A data set of the current store.

    Args:
        name: in the store; before it is there, a built-in name or the id of a data set of the hub.
        subset: of a data set of the hub, or of a folder that has several; in the store, a folder inside of that of the
            data set.
    Raises:
        StoreError: the name cannot be that of a folder.
    """

    def __init__(self, name: str, subset: str | None = None) -> None:
        self.name, self.subset = name, subset
        self.store: StorePaths = current_store()
        self.source: str | None = None
        self.options = AUTO
        self.notes: tuple[str, ...] = ()
        self._rule = DEFAULT
        self._scheme = "auto"
        text_of("the name of a data set", name, StoreError)
        optional_text("subset", subset, StoreError)
        self.path: Path = Wanted(name, subset).path(self.store)

    @classmethod
    def from_file(
        cls,
        name: str,
        path: Name,
        subset: str | None = None,
        *,
        format: str | None = None,
        word_column: str | int | None = None,
        tag_column: str | int | None = None,
        separator: str | None = None,
        scheme: str | None = None,
        outside: str | None = None,
        labels: str | None = None,
        encoding: str | None = None,
        overlaps: Overlaps = "error",
        annotator: str | None = None,
        split_names: str | None = None,
    ) -> "Dataset":
        """A data set of local data, not in the store yet: call `set_up`, or `split` to say how it is split.

        Args:
            name: that it gets in the store.
            path: a file; a folder with files or folders train, val and test, or pairs of BRAT; or an address https://...
            subset: of a folder that has several.
            format ... split_names: how the data are read where their content leaves it open, see docs/data.md.
        """
        dataset = cls(name, subset)
        dataset.source = path_of("what is read", path, DataError)
        dataset.options = ReadingOptions(
            format=format,
            word_column=None if word_column is None else str(word_column),
            tag_column=None if tag_column is None else str(tag_column),
            separator=separator,
            scheme=scheme,
            outside=outside,
            labels=labels,
            encoding=encoding,
            overlaps=overlaps,
            annotator=annotator,
            split_names=split_names,
        )
        return dataset

    def __repr__(self) -> str:
        where = "in the store" if self.exists else "not in the store yet"
        return f"<Dataset {self._title}: {where}, {self.path}>"

    @property
    def _title(self) -> str:
        return Wanted(self.name, self.subset).title

    @property
    def exists(self) -> bool:
        """Whether the store has it."""
        return is_stored(self.path)

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of all that training can see of it."""
        return self.corpus().fingerprint

    def corpus(self, annotation_scheme: str = "auto") -> Corpus:
        """The sentences, as an experiment gets them.

        Raises:
            StoreError: it is not in the store.
        """
        self._check_exists()
        return find_folder(self.path, None, self._title, stored=True).corpus(annotation_scheme)

    def set_up(
        self,
        *,
        annotation_scheme: str | None = None,
        revision: str | None = None,
        val_fraction: float | None = None,
        test_fraction: float | None = None,
        seed: int | None = None,
        overwrite: bool = False,
    ) -> "Dataset":
        """Bring it into the store as jsonl files train, val and test; prints what has been done.

        Args:
            annotation_scheme: plain, bio or bilou; auto (the default) keeps that of the data.
            revision: of a data set of the hub.
            val_fraction, test_fraction, seed: of a split that the data do not have (0.1, 0.1, 42).
            overwrite: replace a data set of this name that has another content.
        Raises:
            DataError: it cannot be found or read.
            StoreError: the store has a data set of this name with another content.
        """
        rule = HoldOut(
            self._rule.val if val_fraction is None else val_fraction,
            self._rule.test if test_fraction is None else test_fraction,
            self._rule.seed if seed is None else seed,
            self._rule.shuffle,
        )
        scheme = self._scheme if annotation_scheme is None else annotation_scheme
        return self._set_up(scheme, rule, revision=revision, overwrite=overwrite)

    def split(
        self,
        val_fraction: float = DEFAULT.val,
        test_fraction: float = DEFAULT.test,
        seed: int = DEFAULT.seed,
        shuffle: bool = DEFAULT.shuffle,
        *,
        annotation_scheme: str = "auto",
        overwrite: bool = False,
    ) -> "Dataset":
        """Bring data that have no val or no test into the store, as `set_up` does, and say how they are split.

        Sentences of one document (a file of BRAT, a task of Label Studio or doccano, a Doc of spaCy) stay together.

        Args:
            val_fraction, test_fraction: of all sentences; 0 for an empty split.
            shuffle: whether chance decides; if not, the end of the data is test, and what is before it val.
        Raises:
            DataError: the data have val and test already.
        """
        rule = HoldOut(val_fraction, test_fraction, seed, shuffle)
        return self._set_up(annotation_scheme, rule, overwrite=overwrite, must_split=True)

    def append(
        self,
        path: Name,
        split: str = "train",
        *,
        conflicts: Conflicts = "error",
        options: ReadingOptions = AUTO,
    ) -> "Dataset":
        """Merge new annotations with the data set in the store, every document once; prints what has been done.

        Args:
            path: a file, a folder or an address, as in `from_file`.
            split: where sentences go; those of a folder with files train, val and test go to their own.
            conflicts: of documents that are there with another annotation: "error", or the "old" or "new" one counts.
            options: how the files are read.
        Raises:
            DataError: it cannot be read, or contradicts the data set.
            StoreError: the data set is not in the store.
        """
        source = path_of("what is appended", path, DataError)
        if not isinstance(options, ReadingOptions):
            raise DataError(f"options must be ReadingOptions(...) of nerbb_ray.data.options; got {options!r:.60}")
        wanted = Wanted(self.name, self.subset, source, None, options)
        outcome = append_to(self.store, wanted, split, conflicts)
        self.notes = outcome.notes
        print(*outcome.lines(), sep="\n")
        return self

    def overview(self, model: str | None = None, max_seq_length: int = MAX_SEQ_LENGTH) -> "Findings":
        """Print what is in the data set and what is wrong with it: sizes, classes, tags, repeats, leaks, odd words.

        Args:
            model: whose sub-tokens are counted: its name, folder or hub id.
            max_seq_length: of the training that is planned.
        Returns:
            The same as values; `findings_page` of `nerbb_ray.doctor` makes a web page of them.
        Raises:
            StoreError: it is not in the store.
        """
        self._check_exists()
        length = whole_number("max_seq_length", max_seq_length, DataError, low=1)
        findings = check_up(self.store, self.name, self.subset, model=model, max_seq_length=length)
        print(findings_text(findings), end="")
        return findings

    def _check_exists(self) -> None:
        if not self.exists:
            meant = did_you_mean(self._title, self.store.datasets)
            raise StoreError(f"data set {self._title!r} is not in the store; call set_up() first{meant}")

    def _set_up(
        self, scheme: str, rule: HoldOut, *, revision: str | None = None, overwrite: bool, must_split: bool = False
    ) -> "Dataset":
        wanted = Wanted(self.name, self.subset, self.source, revision, self.options)
        outcome = bring_in(self.store, wanted, scheme, rule, overwrite=overwrite, must_split=must_split)
        self.notes, self._rule, self._scheme = outcome.notes, rule, scheme
        print(*outcome.lines(), sep="\n")
        return self
