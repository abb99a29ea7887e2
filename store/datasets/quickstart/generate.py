"""Write the quickstart data set: `python store/datasets/quickstart/generate.py` (needs Faker 40.54.0, see README.md).

Sentences come from templates.toml, names from names.toml and Faker. Every word of a name is dealt to exactly one
split, so that no word of a name that is asked for in val or test was seen in training. Same Faker: the same bytes.
"""

import argparse
import json
import random
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from faker import Faker

HERE = Path(__file__).resolve().parent
NAMES = tomllib.loads((HERE / "names.toml").read_text(encoding="utf-8"))
TEMPLATES = tomllib.loads((HERE / "templates.toml").read_text(encoding="utf-8"))
PLAIN: dict[str, list[str]] = NAMES["plain"]
TITLES: dict[str, list[str]] = NAMES["titles"]
SEED = 20220105
FAKER_VERSION = "40.54.0"  # other versions know other names
SIZES = {"train": 600, "val": 200, "test": 300}
SHARES = {"train": 0.5, "val": 0.2, "test": 0.3}  # of the words that names are made of
LOCALES = ("en_GB", "de_DE", "fr_FR", "sv_SE", "es_ES", "en_US", "nl_NL", "pl_PL", "da_DK", "pt_PT", "no_NO", "en_IN")
NAMES_PER_LOCALE = 40
NAMES_PER_CLASS = 400
TITLE_SHARE = 0.25
UPPER_CASE_SHARE, LOWER_CASE_SHARE = 0.06, 0.06

Words = dict[str, list[str]]
Tagged = list[tuple[str, str]]


def fold(text: str) -> str:
    """As an uncased tokenizer reads it: no case, no accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def name_words(name: str) -> set[str]:
    """The folded words of a name that tell it from others; particles and initials do not."""
    return {w for w in re.findall(r"[^\W\d_]+", fold(name)) if w not in PLAIN["particles"] and len(w) > 1}


@dataclass
class Dealer:
    """Gives each word of a name to one split and remembers whose it is."""

    rng: random.Random
    owner: dict[str, str] = field(default_factory=dict)

    def claim(self, split: str, names: list[str]) -> None:
        for name in names:
            for word in name_words(name):
                if self.owner.setdefault(word, split) != split:
                    raise ValueError(f"{name!r} of {split} holds {word!r}, which is dealt to {self.owner[word]}")

    def deal(self, names: list[str]) -> Words:
        """Split `names`; one whose words have different owners already is left out."""
        hands: Words = {split: [] for split in SIZES}
        for name in self.rng.sample(names, len(names)):
            owners = {self.owner[w] for w in name_words(name) if w in self.owner}
            if len(owners) > 1:
                continue
            split = owners.pop() if owners else self.rng.choices(list(SHARES), list(SHARES.values()))[0]
            self.claim(split, [name])
            hands[split].append(name)
        return hands


def fake_words() -> dict[str, list[str]]:
    """First names, last names and towns of all locales, in Faker's seeded order."""
    words: dict[str, dict[str, None]] = {"first_name": {}, "last_name": {}, "city": {}}
    for number, locale in enumerate(LOCALES):
        fake = Faker(locale)
        fake.seed_instance(SEED + number)
        for kind, seen in words.items():
            drawn = (getattr(fake, kind)() for _ in range(NAMES_PER_LOCALE))
            seen.update(dict.fromkeys(name for name in drawn if re.fullmatch(r"[^\W\d_]+(?:[ '-][^\W\d_]+)*", name)))
    return {kind: list(seen) for kind, seen in words.items()}


@dataclass(frozen=True)
class Namer:
    """Makes the names of one split out of the words dealt to it."""

    rng: random.Random
    words: dict[str, list[str]]  # the hand of the split, by kind of word
    kinds: dict[str, list[str]]  # what precedes or follows a name in this split

    def _word(self, kind: str) -> str:
        return self.rng.choice(self.words[kind])

    def _kind(self, kind: str) -> str:
        return self.rng.choice(self.kinds[kind])

    def person(self) -> str:
        first, last = self._word("first_name"), self._word("last_name")
        forms = (f"{first} {last}", f"{first[0]}. {last}", last, first)
        return self.rng.choices(forms, (65, 15, 13, 7))[0]

    def place(self) -> str:
        stem = self._word("place")
        forms = (self._word("city"), f"{stem} {self._kind('loc_last')}", f"{self._kind('loc_first')} {stem}", stem)
        return self.rng.choices(forms, (55, 30, 12, 3))[0]

    def organisation(self) -> str:
        last, trade = self._word("last_name"), self._word("trade")
        forms = (
            f"{last} {self._kind('org_last')}",
            f"{trade} {self._kind('org_last')}",
            f"{self._word('city')} {self._kind('org_town')}",
            f"{last} & {self._word('last_name')}",
            trade,
            self._word("acronym"),
        )
        return self.rng.choices(forms, (30, 32, 20, 6, 2, 10))[0]

    def ship(self) -> str:
        adjective, noun = self._word("ship_first"), self._word("ship_last")
        forms = (
            f"{adjective} {noun}",
            self._word("ship_single"),
            f"{self._kind('ship_first')} {self._word('city' if self.rng.random() < 0.5 else 'first_name')}",
            f"{self._word('first_name')} {self._word('last_name')}",  # a ship named like a person
            self._word("first_name"),
            self._word("city"),  # or like a place
        )
        return self.rng.choices(forms, (46, 28, 12, 5, 5, 4))[0]

    def pools(self) -> dict[str, list[str]]:
        makers = {"PER": self.person, "LOC": self.place, "ORG": self.organisation, "SHIP": self.ship}
        return {label: [make() for _ in range(NAMES_PER_CLASS)] for label, make in makers.items()}


@dataclass(frozen=True)
class Writer:
    """Fills templates with the names of one split."""

    rng: random.Random
    pools: dict[str, list[str]]

    def _plain(self, slot: str) -> str:
        """Words for a slot that is no entity."""
        rng = self.rng
        fills = {
            "time": f"{rng.randrange(24):02d}:{rng.randrange(0, 60, 5):02d}",
            "day": rng.choice(PLAIN["days"]),
            "date": f"{rng.randint(1, 28)} {rng.choice(PLAIN['months'])}",
            "n": str(rng.randint(2, 180)),
            "berth": f"{rng.choice(('berth', 'pier', 'jetty'))} {rng.randint(1, 24)}{rng.choice(('', '', 'A', 'B'))}",
            "vhf": str(rng.randint(6, 77)),
            "depth": f"{rng.randint(3, 14)}.{rng.randint(0, 9)}",
            "cargo": rng.choice(PLAIN["cargo"]),
        }
        return fills[slot]

    def sentence(self, template: str) -> Tagged:
        chosen = re.sub(r"<([^>]*)>", lambda match: self.rng.choice(match[1].split("|")), template)
        sentence: Tagged = []
        for piece in chosen.split():
            label = piece.strip("{}")
            if not piece.startswith("{"):
                sentence.append((piece, "O"))
            elif label in self.pools:
                sentence += self._title(label, sentence)
                name = self.rng.choice(self.pools[label]).split()
                sentence += [(word, f"{'I' if i else 'B'}-{label}") for i, word in enumerate(name)]
            else:
                sentence += [(word, "O") for word in self._plain(label).split()]
        return self._recased(sentence)

    def _title(self, label: str, before: Tagged) -> Tagged:
        """A title or prefix, which is no part of the name; none where the template has one already."""
        has_title = bool(before) and (before[-1][0][0].isupper() or before[-1][0] in PLAIN["occupations"])
        if label not in TITLES or has_title or self.rng.random() > TITLE_SHARE:
            return []
        return [(self.rng.choice(TITLES[label]), "O")]

    def _recased(self, sentence: Tagged) -> Tagged:
        """Some notices are typed in capitals, some without any."""
        dice = self.rng.random()
        if dice < UPPER_CASE_SHARE:
            return [(word.upper(), tag) for word, tag in sentence]
        if dice < UPPER_CASE_SHARE + LOWER_CASE_SHARE:
            return [(word.lower(), tag) for word, tag in sentence]
        first, tag = sentence[0]
        return [(first[0].upper() + first[1:], tag), *sentence[1:]]

    def sentences(self, templates: list[str], size: int) -> Iterator[Tagged]:
        """`size` different sentences; the templates take turns in an order that changes with every round."""
        seen: set[str] = set()
        while True:
            for template in self.rng.sample(templates, len(templates)):
                sentence = self.sentence(template)
                key = fold(" ".join(word for word, _ in sentence))
                if key in seen:
                    continue
                seen.add(key)
                yield sentence
                if len(seen) == size:
                    return


def acronyms(rng: random.Random) -> list[str]:
    return sorted({"".join(rng.choices("ABCDEFGHKLMNOPRSTVW", k=rng.choice((3, 3, 4)))) for _ in range(120)})


def generate(folder: Path) -> None:
    """Write train.jsonl, val.jsonl and test.jsonl to `folder`."""
    rng = random.Random(SEED)
    dealer = Dealer(rng)
    for split, kinds in NAMES["kinds"].items():
        dealer.claim(split, [name for group in kinds.values() for name in group])
    hands = {
        kind: dealer.deal(group) for kind, group in (NAMES["stems"] | fake_words() | {"acronym": acronyms(rng)}).items()
    }
    for split, size in SIZES.items():
        namer = Namer(rng, {kind: hand[split] for kind, hand in hands.items()}, NAMES["kinds"][split])
        lines = [
            json.dumps({"tokens": [w for w, _ in sentence], "tags": [t for _, t in sentence]}, ensure_ascii=False)
            for sentence in Writer(rng, namer.pools()).sentences(TEMPLATES[split], size)
        ]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the quickstart data set.")
    parser.add_argument(
        "--out", type=Path, default=HERE, help="folder for the three files; default: beside this script"
    )
    generate(parser.parse_args().out)


if __name__ == "__main__":
    main()
