"""Bytes that are not UTF-8: read right and said, or refused with the option; never other letters in silence."""

from pathlib import Path

import pytest
from fixtures.data_files import lines

from nerbb_ray.data.text_files import decode
from nerbb_ray.errors import DataError

RUSSIAN = "Анна/B-PER поёт/O в/O Москве/B-LOC | Привет/O мир/O Иван/B-PER живёт/O здесь/O и/O работает/O на/O заводе/O"
GREEK = "Η/O Αθήνα/B-LOC είναι/O πρωτεύουσα/O | Ο/O Γιώργος/B-PER μένει/O στη/O Θεσσαλονίκη/B-LOC και/O κάθε/O μέρα/O"
CHINESE = (
    "张/B-PER 三/I-PER 在/O 北/B-LOC 京/I-LOC | 他/O 来/O 自/O 上/B-LOC 海/I-LOC 的/O 一/O 家/O 公/O 司/O 每/O 天/O"
)
JAPANESE = "東京/B-LOC へ/O 行く/O | 田中/B-PER さん/O です/O | 日本/B-LOC の/O 首相/O は/O 昨日/O 会見/O を/O 行い/O"
KOREAN = "서울/B-LOC 에서/O 만나다/O | 김철수/B-PER 는/O 학교/O 에/O 간다/O | 오늘/O 대통령/O 은/O 기자/O 회견/O"
PORTUGUESE = "São/B-LOC Paulo/I-LOC é/O grande/O | José/B-PER não/O está/O aqui/O | À/O tarde/O chegou/O o/O avião/O"
POLISH = "Łódź/B-LOC żyje/O w/O śnie/O | Piękna/O żona/O mieszka/O w/O Krakowie/B-LOC | Prezydent/O Wałęsa/B-PER"
FRENCH = "L'œuvre/O coûte/O dix/O €/O | Zoë/B-PER était/O là/O"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("cp1253", GREEK),
        ("gb18030", CHINESE),
        ("shift-jis", JAPANESE),
        ("euc-kr", KOREAN),
        ("latin-1", PORTUGUESE),
        ("latin-1", "Melbourne/B-LOC (/O España/B-LOC )/O | El/O Abogado/B-PER General/I-PER"),
        ("latin-1", "Oslo/B-LOC (/O Málaga/B-LOC )/O | El/O"),
        ("latin-1", "Wien/B-LOC und/O Zürich/B-LOC | Straße/O"),
        ("cp1252", PORTUGUESE),
        ("utf-16", RUSSIAN),
        ("utf-16-le", PORTUGUESE),
        ("utf-8-sig", RUSSIAN),
    ],
)
def test_text_is_read_as_it_was_written(encoding: str, text: str) -> None:
    content = lines(text)
    found = decode(content.encode(encoding), Path("a.tsv"))
    assert found.text.removeprefix("\ufeff") == content
    assert encoding == "utf-8-sig" or found.note


@pytest.mark.parametrize(
    ("encoding", "text"), [("iso8859-2", POLISH), ("cp1250", POLISH), ("iso8859-15", FRENCH), ("mac-roman", PORTUGUESE)]
)
def test_text_that_could_be_several_is_refused_with_examples(encoding: str, text: str) -> None:
    content = lines(text)
    with pytest.raises(DataError, match=r"it may be .*\. Say --encoding NAME"):
        decode(content.encode(encoding), Path("a.tsv"))
    assert decode(content.encode(encoding), Path("a.tsv"), encoding).text == content
